import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import type { IdentityConfig } from "../../../config/schema.ts";

type Pkcs11Identity = Pick<
  Extract<IdentityConfig, { mode: "pkcs11" }>,
  "module" | "tokenLabel" | "keyLabel" | "storeDir" | "tcti"
>;
type Explanation = { readonly code: FaultCode; readonly what: string; readonly remedy: string };

/** The name of an aws-crt error ("AWS_ERROR_PKCS11_CKR_PIN_INCORRECT"), which its native functions throw inside a text; undefined for other values. */
export function crtErrorName(thrown: unknown): string | undefined {
  const text = thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : "";
  return /\bAWS_[A-Z0-9_]+/.exec(text)?.[0];
}

/**
 * The fault behind a failure of aws-crt with the PKCS#11 library, the token or the key.
 *
 * libtpm2_pkcs11 reports a TPM in dictionary-attack lockout as a wrong PIN (see `TpmQuestions.lockoutFault`), and a TPM that it cannot reach as CKR_GENERAL_ERROR.
 */
export function pkcs11Fault(identity: Pkcs11Identity, thrown: unknown): AgentError {
  const name = crtErrorName(thrown) ?? "an unknown error";
  return new AgentError(...asFault(explain(identity, name), thrown));
}

/** Whether this aws-crt error name tells of the PKCS#11 library or the token rather than of the network. */
export function isPkcs11Error(name: string): boolean {
  return name.startsWith("AWS_ERROR_PKCS11_") || name.startsWith("AWS_IO_SHARED_LIBRARY_");
}

function asFault({ code, what, remedy }: Explanation, cause: unknown): ConstructorParameters<typeof AgentError> {
  return [code, { what, remedy, cause }];
}

function explain(identity: Pkcs11Identity, name: string): Explanation {
  const { module, tokenLabel, keyLabel } = identity;
  const short = name.replace("AWS_ERROR_PKCS11_", "");
  switch (name) {
    case "AWS_IO_SHARED_LIBRARY_LOAD_FAILURE":
    case "AWS_IO_SHARED_LIBRARY_FIND_SYMBOL_FAILURE":
      return {
        code: "identity.module-missing",
        what: `the PKCS#11 library ${module} cannot be loaded`,
        remedy: "install libtpm2-pkcs11-1 and set identity.module to the library of this machine's architecture",
      };
    case "AWS_ERROR_PKCS11_TOKEN_NOT_FOUND":
      return {
        code: "identity.token-missing",
        what: `no token labelled "${tokenLabel}", or several, in the store ${identity.storeDir}`,
        remedy: "compare identity.tokenLabel and identity.storeDir, or make the token: causeway key create",
      };
    case "AWS_ERROR_PKCS11_KEY_NOT_FOUND":
      return {
        code: "identity.key-missing",
        what: `no private key labelled "${keyLabel}", or several, in the token "${tokenLabel}"`,
        remedy: "compare identity.keyLabel with the output of: causeway key list",
      };
    case "AWS_ERROR_PKCS11_CKR_PIN_INCORRECT":
    case "AWS_ERROR_PKCS11_CKR_PIN_INVALID":
    case "AWS_ERROR_PKCS11_CKR_PIN_LEN_RANGE":
    case "AWS_ERROR_PKCS11_CKR_PIN_EXPIRED":
    case "AWS_ERROR_PKCS11_CKR_PIN_LOCKED":
      return {
        code: "identity.pin-wrong",
        what: `the token "${tokenLabel}" refused the PIN (${short}); it is not tried again, because every try brings the TPM nearer to its lockout`,
        remedy: "correct the PIN (identity.pinFile or the credential causeway-pin) and restart the agent",
      };
    default:
      return {
        code: "identity.tpm-absent",
        what: `the TPM behind the token "${tokenLabel}" cannot be used (${short}, TCTI ${identity.tcti ?? "default"})`,
        remedy:
          "check identity.tcti, that the device (such as /dev/tpmrm0) exists and that the user may open it; after a restart of a resource manager daemon, restart the agent too",
      };
  }
}
