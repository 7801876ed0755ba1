import { ClientTlsContext, TlsContextOptions } from "aws-crt/dist/native/io.js";
import { AgentError } from "../../../agent/core/errors.ts";
import type { TlsIdentity } from "../../../drivers/aws/identity/tls.ts";

/** An identity whose contexts hold no certificate. `made` gets each key whose context is asked for, in order; that of "missing" cannot be made. */
export function fakeTlsIdentity(key: string, made: string[]): TlsIdentity {
  return {
    key,
    certificateFile: `${key}.pem`,
    caFile: "ca.pem",
    openContext: async () => {
      made.push(key);
      if (key !== "missing") return new ClientTlsContext(new TlsContextOptions());
      throw new AgentError("identity.key-missing", { what: "no key", remedy: "make one" });
    },
    tpmSilence: () => Promise.resolve(undefined),
    keyFault: () => undefined,
    with: ({ keyLabel }) => fakeTlsIdentity(keyLabel, made),
  };
}
