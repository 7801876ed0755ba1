import type { IdentityConfig } from "../../../config/schema.ts";
import { fileIdentity } from "./file-identity.ts";
import { Pkcs11Identity, type TpmQuestions } from "./pkcs11-identity.ts";
import { Pkcs11Token } from "./pkcs11-token.ts";
import type { BrokerTls, TlsIdentity } from "./tls.ts";

/** How a TLS identity is reached. `readPin` is called at most once. `verbose` lets the TPM libraries write to stderr. */
export type TlsParts = {
  readonly identity: IdentityConfig;
  readonly broker: BrokerTls;
  readonly readPin: () => string;
  /** Refuses a token store that others could read or exchange. */
  readonly checkStore: (storeDir: string) => void;
  readonly tpm: TpmQuestions;
  readonly verbose: boolean;
  /** Folder of this user's own, for `TlsIdentity.with` to find keys that were made since the process began. */
  readonly copyFolder?: string;
};

/** The identity that the configuration names. Opens nothing yet. */
export function createTlsIdentity(parts: TlsParts): TlsIdentity {
  const { identity, broker, tpm, readPin, checkStore, verbose, copyFolder } = parts;
  if (identity.mode === "file") return fileIdentity(identity, broker);
  const token = new Pkcs11Token({ identity, readPin, checkStore, verbose, copyFolder });
  return new Pkcs11Identity({ identity, broker, tpm, token });
}
