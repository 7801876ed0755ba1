import type { IdentityConfig } from "../../config/schema.ts";

/** The key and certificate that the device connects with. */
export type IdentityInUse = { readonly keyLabel: string; readonly certificateFile: string };

/** Which of the token's keys and which certificate are in use: those that the configuration names. */
export function identityInUse(identity: Extract<IdentityConfig, { mode: "pkcs11" }>): IdentityInUse {
  return { keyLabel: identity.keyLabel, certificateFile: identity.certificateFile };
}
