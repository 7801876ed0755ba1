import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { untilStarted } from "../core/wait.ts";
import type { Authority, IssuedCertificate } from "./certificate-authority.ts";

const ENTRY = fileURLToPath(new URL("../processes/authority.ts", import.meta.url));

/** What the authority process reads: one request a line, answered with the same number. */
export const authorityCommand = z.object({
  number: z.int(),
  commonName: z.string(),
  publicKeyPem: z.string().optional(),
  subjectAltNames: z.array(z.object({ kind: z.enum(["dns", "ip"]), value: z.string() })).optional(),
  usage: z.enum(["server", "client"]),
  days: z.number().optional(),
});

const authorityReply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready"), caFile: z.string() }),
  z.object({
    kind: z.literal("issued"),
    number: z.int(),
    certificatePem: z.string(),
    privateKeyPem: z.string().optional(),
  }),
]);

/** The authority in a process of its own, so that its key is in no other one's memory. */
export async function startAuthority(
  folder: string,
  logFolder: string,
): Promise<Authority & { readonly stop: () => Promise<void> }> {
  const waiting = new Map<number, (issued: IssuedCertificate) => void>();
  let caFile: string | undefined;
  let lastNumber = 0;
  const child = await startChild({
    command: process.execPath,
    args: [ENTRY, folder],
    logFile: join(logFolder, "authority.log"),
    onLine: (line) => {
      const reply = parseLine(authorityReply, line);
      if (reply.kind === "ready") {
        caFile = reply.caFile;
        return;
      }
      waiting.get(reply.number)?.({ certificatePem: reply.certificatePem, privateKeyPem: reply.privateKeyPem });
      waiting.delete(reply.number);
    },
  });
  const readyFile = await untilStarted(child, () => caFile, "the certificate authority is ready");
  return {
    caFile: readyFile,
    issue: (request) => {
      const number = ++lastNumber;
      const issued = new Promise<IssuedCertificate>((resolve) => waiting.set(number, resolve));
      child.writeLine(JSON.stringify({ number, ...request }));
      const gone = child.ended.then(() => {
        throw new Error(`the certificate authority ended; see ${join(logFolder, "authority.log")}`);
      });
      return Promise.race([issued, gone]);
    },
    stop: async () => void (await child.stop()),
  };
}
