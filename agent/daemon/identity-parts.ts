import { readFile } from "node:fs/promises";
import type { IdentityConfig } from "../../config/schema.ts";
import { readPin } from "../../drivers/os/pin.ts";
import { checkStore } from "../../drivers/tpm/store/store-check.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, errnoOf } from "../core/errors.ts";
import { fileTrouble } from "../core/file-trouble.ts";
import { type CertificateChain, parseChain } from "../identity/certificate.ts";
import type { LinkCredential } from "../ports/broker.ts";
import type { KeyStore, TokenAdmin } from "../ports/key-store.ts";
import type { IdentityParts } from "../support/identity-checks.ts";

/** Where the identity's self-test looks. */
export type IdentityPlace = {
  readonly identity: Extract<IdentityConfig, { mode: "pkcs11" }>;
  readonly inUse: LinkCredential;
  readonly keys: KeyStore & TokenAdmin;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
};

/** The parts of the self-test for a token; opens nothing yet. */
export function identityParts({ identity, inUse, keys, environment, clock }: IdentityPlace): IdentityParts {
  const { pinFile } = identity;
  const credentialsDirectory = environment.CREDENTIALS_DIRECTORY;
  const { certificateFile, keyLabel } = inUse;
  return {
    clock,
    readPin: () => {
      readPin({ pinFile, credentialsDirectory });
      return pinFile === undefined ? "from the systemd credential" : `from ${pinFile}`;
    },
    checkStore: () => checkStore(identity.storeDir),
    inspect: () => keys.inspect(),
    testKey: () => keys.test(keyLabel),
    readChain: () => readChain(certificateFile),
    certificateFile,
  };
}

/** The device's certificate with those above it. Throws `identity.certificate-missing` and `input.missing`. */
export async function readChain(file: string): Promise<CertificateChain> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new AgentError(errnoOf(error) === "ENOENT" ? "identity.certificate-missing" : "input.missing", {
      what: `the device certificate ${file} cannot be read: ${fileTrouble(error)}`,
      remedy: "have one issued for the request of causeway csr, then: causeway cert install FILE",
      cause: error,
    });
  });
  return parseChain(new TextDecoder().decode(bytes), file);
}
