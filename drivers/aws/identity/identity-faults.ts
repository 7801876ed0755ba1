import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import { RESOURCE_MANAGER } from "../../../agent/core/key-faults.ts";
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
  const explain = EXPLAINED.get(name) ?? tpmUnusable;
  const { code, what, remedy } = explain(identity, name);
  return new AgentError(code, { what, remedy, cause: thrown });
}

/** Whether this aws-crt error name tells of the PKCS#11 library or the token rather than of the network. */
export function isPkcs11Error(name: string): boolean {
  return name.startsWith("AWS_ERROR_PKCS11_") || name.startsWith("AWS_IO_SHARED_LIBRARY_");
}

/** The explanations by the name of the error; any other name is one of the TPM. */
const EXPLAINED: ReadonlyMap<string, (identity: Pkcs11Identity, name: string) => Explanation> = new Map([
  ["AWS_IO_SHARED_LIBRARY_LOAD_FAILURE", moduleMissing],
  ["AWS_IO_SHARED_LIBRARY_FIND_SYMBOL_FAILURE", moduleMissing],
  ["AWS_ERROR_PKCS11_TOKEN_NOT_FOUND", tokenMissing],
  ["AWS_ERROR_PKCS11_KEY_NOT_FOUND", keyMissing],
  ["AWS_ERROR_PKCS11_CKR_PIN_INCORRECT", pinWrong],
  ["AWS_ERROR_PKCS11_CKR_PIN_INVALID", pinWrong],
  ["AWS_ERROR_PKCS11_CKR_PIN_LEN_RANGE", pinWrong],
  ["AWS_ERROR_PKCS11_CKR_PIN_EXPIRED", pinWrong],
  ["AWS_ERROR_PKCS11_CKR_PIN_LOCKED", pinWrong],
]);

function moduleMissing({ module }: Pkcs11Identity): Explanation {
  return {
    code: "identity.module-missing",
    what: `the PKCS#11 library ${module} cannot be loaded`,
    remedy: "install libtpm2-pkcs11-1 and set identity.module to the library of this machine's architecture",
  };
}

function tokenMissing({ tokenLabel, storeDir }: Pkcs11Identity): Explanation {
  return {
    code: "identity.token-missing",
    what: `no token labelled "${tokenLabel}", or several, in the store ${storeDir}`,
    remedy: "compare identity.tokenLabel and identity.storeDir, or make the token: causeway key create",
  };
}

function keyMissing({ keyLabel, tokenLabel }: Pkcs11Identity): Explanation {
  return {
    code: "identity.key-missing",
    what: `no private key labelled "${keyLabel}", or several, in the token "${tokenLabel}"`,
    remedy: "compare identity.keyLabel with the output of: causeway key list",
  };
}

function pinWrong({ tokenLabel }: Pkcs11Identity, name: string): Explanation {
  return {
    code: "identity.pin-wrong",
    what: `the token "${tokenLabel}" refused the PIN (${shortName(name)}); it is not tried again`,
    remedy:
      "correct the PIN (identity.pinFile or the credential causeway-pin) and restart the agent; it counts towards the TPM's lockout only where another tool made the token: causeway doctor says so",
  };
}

function tpmUnusable({ tokenLabel, tcti = "default" }: Pkcs11Identity, name: string): Explanation {
  const isBare = /^(?:swtpm|mssim|device:\/dev\/tpm\d)/.test(tcti);
  const crowded = isBare ? `; where it has no room for another key, ${RESOURCE_MANAGER}` : "";
  return {
    code: "identity.tpm-absent",
    what: `the TPM behind the token "${tokenLabel}" cannot be used (${shortName(name)}, TCTI ${tcti})`,
    remedy: `check identity.tcti, that the device (such as /dev/tpmrm0) exists and that the user may open it; after a restart of a resource manager daemon, restart the agent too${crowded}`,
  };
}

function shortName(name: string): string {
  return name.replace("AWS_ERROR_PKCS11_", "");
}
