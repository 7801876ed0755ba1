import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../../agent/core/errors.ts";
import type { CsrSubject, KeyFacts, KeyStore } from "../../../agent/ports/key-store.ts";
import { certificationRequest } from "../../../drivers/tpm/worker/csr.ts";

const SUFFIX = ".key";

/** A key store whose keys are files, for tests that end a process and look at what the next one finds. EC P-256 only. */
export function fileKeyStore(folder: string): Omit<KeyStore, "test"> & { fileOf(label: string): string } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (label: string): string => join(folder, `${label}${SUFFIX}`);
  const labels = (): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length));
  const pemOf = (label: string): string => {
    if (labels().includes(label)) return readFileSync(fileOf(label), "utf8");
    throw new AgentError("identity.key-missing", { what: `no key ${label}`, remedy: "none" });
  };
  const factsOf = (label: string): KeyFacts => ({
    label,
    id: labels().indexOf(label) + 1,
    algorithm: "ec-p256",
    publicKeyPem: createPublicKey(pemOf(label)).export({ type: "spki", format: "pem" }).toString(),
    attributes: [],
    problems: [],
  });
  return {
    fileOf,
    create: (label) => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      writeFileSync(`${fileOf(label)}.new`, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
      renameSync(`${fileOf(label)}.new`, fileOf(label));
      return Promise.resolve(factsOf(label));
    },
    list: () => Promise.resolve(labels().map(factsOf)),
    delete: async (label) => {
      pemOf(label);
      await Promise.resolve(rmSync(fileOf(label)));
    },
    request: (label: string, subject: CsrSubject) => {
      const key = createPrivateKey(pemOf(label));
      const facts = factsOf(label);
      return Promise.resolve(
        certificationRequest(subject, { ...facts, sign: (toBeSigned) => sign("sha256", toBeSigned, key) }),
      );
    },
  };
}
