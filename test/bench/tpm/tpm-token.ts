import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Log } from "../../../agent/core/log.ts";
import type { KeyStore, TokenAdmin } from "../../../agent/ports/key-store.ts";
import { agentConfig } from "../../../config/schema.ts";
import { createTpmKeyStore } from "../../../drivers/tpm/key-store.ts";
import { runTool } from "./tpm-tools.ts";

const LIBRARY_TOKEN = fileURLToPath(new URL("../processes/library-token.ts", import.meta.url));

/** Where the token goes and what it is called. */
export type TokenRequest = {
  readonly folder: string;
  readonly storeDir: string;
  readonly tcti: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly tokenLabel: string;
  readonly keyLabel: string;
  readonly maker: "agent" | "library";
};

/** What a user of the token needs besides its labels. */
export type Token = { readonly pinFile: string; readonly publicKeyPem: string; readonly keys: KeyStore & TokenAdmin };

/** Makes a PKCS#11 token with one EC P-256 key that is born in the TPM, or gives the one that `folder` holds already. */
export async function createToken(request: TokenRequest): Promise<Token> {
  const pinFile = join(request.folder, "pin");
  if (!existsSync(pinFile)) writeFileSync(pinFile, randomBytes(16).toString("hex"), { mode: 0o600 });
  const keys = keyStoreFor(request, readFileSync(pinFile, "utf8"));
  if (request.maker === "library" && !existsSync(request.storeDir)) await makeByLibrary(request, pinFile);
  // Kept beside the token, so that a TPM that refuses to work can be started too.
  const publicKeyFile = join(request.folder, "device.pub.pem");
  if (!existsSync(publicKeyFile)) {
    await keys.provision();
    const found = (await keys.list()).find(({ label }) => label === request.keyLabel);
    const { publicKeyPem } =
      (found?.algorithm === "other" ? undefined : found) ?? (await keys.create(request.keyLabel, "ec-p256"));
    writeFileSync(publicKeyFile, publicKeyPem);
  }
  return { pinFile, publicKeyPem: readFileSync(publicKeyFile, "utf8"), keys };
}

async function makeByLibrary(request: TokenRequest, pinFile: string): Promise<void> {
  const { storeDir, environment, tokenLabel, keyLabel } = request;
  mkdirSync(storeDir, { mode: 0o700 });
  const input = {
    tokenLabel,
    keyLabel,
    pin: readFileSync(pinFile, "utf8"),
    officerPin: randomBytes(16).toString("hex"),
  };
  await runTool({ command: process.execPath, args: [LIBRARY_TOKEN], environment, input: JSON.stringify(input) });
}

/** The agent's key store on a token of the bench. */
function keyStoreFor(request: TokenRequest, pin: string): KeyStore & TokenAdmin {
  const none = () => undefined;
  const secrets = { pin: () => pin, officerPin: none, ownerAuth: none, lockoutAuth: none };
  const environment = { ...process.env, ...request.environment };
  return createTpmKeyStore({ identity: identityOf(request), secrets, environment, log: QUIET });
}

/** The configuration of a token on the bench, with the agent's own defaults and no certificate. */
export function identityOf({
  storeDir,
  tcti,
  tokenLabel,
  keyLabel,
}: Pick<TokenRequest, "storeDir" | "tcti" | "tokenLabel" | "keyLabel">) {
  const { identity } = agentConfig.parse({
    thingName: "bench",
    buses: [{ name: "can0", driver: "native", interface: "can0" }],
    broker: { host: "localhost", caFile: "unused" },
    identity: { mode: "pkcs11", tokenLabel, keyLabel, certificateFile: "unused", storeDir, tcti },
  });
  if (identity.mode !== "pkcs11") throw new Error("the bench's identity is a token");
  return identity;
}

const none = (): void => undefined;
const QUIET: Log = { error: none, warn: none, info: none, debug: none };
