import { TlsContextOptions } from "aws-crt/dist/native/io.js";
import { keyTrouble } from "../../../agent/core/crypto-trouble.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { IdentityConfig } from "../../../config/schema.ts";
import { crtErrorName } from "./identity-faults.ts";
import { type BrokerTls, contextOf, readCa, readCertificate, readText, type TlsIdentity } from "./tls.ts";

type KeyFiles = Pick<Extract<IdentityConfig, { mode: "file" }>, "certificateFile" | "keyFile">;

/** A key in a file, as a claim certificate has one, or a machine on a bench. */
export function fileIdentity(files: KeyFiles, broker: BrokerTls): TlsIdentity {
  const { certificateFile, keyFile } = files;
  const { caFile } = broker;
  return {
    key: keyFile,
    certificateFile,
    caFile,
    openContext: async () => {
      const trusted = readCa(caFile);
      const { pem } = readCertificate(certificateFile);
      const remedy = "set identity.keyFile to a readable file";
      const keyPem = readText(keyFile, "identity.key-missing", "private key", remedy);
      try {
        return contextOf(TlsContextOptions.create_client_with_mtls(pem, keyPem), trusted, broker);
      } catch (thrown) {
        // The TLS library has one error for all.
        const why = keyTrouble(keyPem, pem) ?? crtErrorName(thrown) ?? "the TLS library gives no reason";
        throw new AgentError("identity.key-missing", {
          what: `the key ${keyFile} cannot be used with the certificate ${certificateFile}: ${why}`,
          remedy: "give identity.keyFile the key that the certificate was issued for",
          cause: thrown,
        });
      }
    },
    tpmSilence: () => Promise.resolve(undefined),
    keyFault: () => undefined,
    with: (credential) =>
      fileIdentity({ certificateFile: credential.certificateFile, keyFile: credential.keyLabel }, broker),
  };
}
