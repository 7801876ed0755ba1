import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type Child, startChild } from "../core/child.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import type { Tpm } from "./tpm.ts";

/** What the process `signer` is told. */
export const signerRequest = z.strictObject({
  place: z.strictObject({ module: z.string(), tokenLabel: z.string(), storeDir: z.string(), workFolder: z.string() }),
  pin: z.string(),
  keyLabel: z.string(),
});

const PROGRAM = fileURLToPath(new URL("../processes/signer.ts", import.meta.url));

/** Starts a process that logs in and signs without a pause. Resolves after its first signatures. */
export async function startSigner(tpm: Tpm, folder: string): Promise<Child> {
  let signatures = 0;
  const child = await startChild({
    command: process.execPath,
    args: [PROGRAM],
    environment: tpm.environment,
    logFile: join(folder, "signer.log"),
    onLine: () => {
      signatures += 1;
    },
  });
  const { storeDir, tokenLabel, keyLabel, pinFile } = tpm;
  const place = { module: "libtpm2_pkcs11.so.1", tokenLabel, storeDir, workFolder: folder };
  const request: z.infer<typeof signerRequest> = { place, pin: readFileSync(pinFile, "utf8").trim(), keyLabel };
  child.writeLine(JSON.stringify(request));
  const probe = () => (signatures >= 3 ? true : child.hasEnded() ? false : undefined);
  const signs = await until(probe, { what: "the key is in use", timeoutMs: START_TIMEOUT_MS });
  if (!signs) throw new Error(`the signer ended: ${readFileSync(join(folder, "signer.log"), "utf8").slice(-1000)}`);
  return child;
}
