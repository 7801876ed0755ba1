import { AgentError } from "../../agent/core/errors.ts";
import { RESOURCE_MANAGER } from "../../agent/core/key-faults.ts";
import type { LockoutState } from "../../agent/ports/key-store.ts";

const TPM_REMEDY =
  "check identity.tcti, that the device (such as /dev/tpmrm0) exists and that the user may open it (group tss)";

/** The TPM cannot be reached or does not answer as one. */
export function tpmAbsent(detail: string, cause?: unknown): AgentError {
  return new AgentError("identity.tpm-absent", {
    what: `the TPM cannot be used: ${detail}`,
    remedy: TPM_REMEDY,
    cause,
  });
}

/** The TPM has no place for another object or session: nobody before it puts away those of others. `code` is the TPM's. */
export function tpmCrowded(code: number): AgentError {
  return new AgentError("identity.tpm-absent", {
    what: `the TPM has no room for another object or session (0x${code.toString(16)})`,
    remedy: `${RESOURCE_MANAGER}; what other programs have left in it goes by tpm2_flushcontext -t (keys), -l and -s (sessions)`,
  });
}

/** Nothing came from the TPM, not even a rejection. */
export function tpmSilent(tcti: string | undefined, waitedMs: number): AgentError {
  return new AgentError("identity.tpm-timeout", {
    what: `the TPM did not answer in ${(waitedMs / 1000).toFixed(1)} s (TCTI ${tcti ?? "default"})`,
    remedy:
      "see what stands before the TPM and restart it: a resource manager that hangs (systemctl status tpm2-abrmd), or another program that keeps the TPM busy; the agent goes on by itself when it answers",
  });
}

/** The TPM refuses every protected authorisation for now. */
export function tpmLockout(state: LockoutState | undefined): AgentError {
  const how =
    state === undefined
      ? ""
      : `: ${state.counter} of ${state.maxTries} failures counted, one is forgiven every ${state.recoverySeconds} s of TPM power`;
  return new AgentError("identity.tpm-lockout", {
    what: `the TPM is in dictionary-attack lockout${how}`,
    remedy: `${waitRemedy(state)}; or clear it with the lockout authorisation: causeway key unlock`,
    ...(state === undefined ? {} : { facts: { counter: state.counter, recoverySeconds: state.recoverySeconds } }),
  });
}

function waitRemedy(state: LockoutState | undefined): string {
  return state === undefined || !state.isLocked
    ? "leave the TPM powered and wait"
    : `leave the TPM powered and wait ${state.recoverySeconds} s, then the next try is possible`;
}

/** An authorisation of a hierarchy was refused; `name` is "owner" or "lockout". */
export function authRefused(name: "owner" | "lockout", isGiven: boolean): AgentError {
  const setting = `identity.tpm.${name}AuthFile`;
  return new AgentError("identity.tpm-auth-refused", {
    what: `the TPM refused the ${name} authorisation${isGiven ? "" : ": it has one, and none was given"}`,
    remedy: `write the TPM's ${name} authorisation into a file of mode 0600 and name it in ${setting}, or give it as systemd credential causeway-tpm-${name}-auth`,
  });
}

export function pinWrong(tokenLabel: string): AgentError {
  return new AgentError("identity.pin-wrong", {
    what: `the token "${tokenLabel}" refused the PIN; it is not tried again`,
    remedy: "correct the PIN (identity.pinFile or the credential causeway-pin)",
  });
}

export function tokenMissing(tokenLabel: string, storeDir: string, labels: readonly string[]): AgentError {
  const others = labels.length === 0 ? "it holds none" : `it holds ${labels.map((one) => `"${one}"`).join(", ")}`;
  return new AgentError("identity.token-missing", {
    what: `no token labelled "${tokenLabel}" in the store ${storeDir}: ${others}`,
    remedy: "compare identity.tokenLabel, or make the token: causeway key create",
  });
}

export function keyMissing(label: string, tokenLabel: string): AgentError {
  return new AgentError("identity.key-missing", {
    what: `no private key labelled "${label}" in the token "${tokenLabel}"`,
    remedy: "compare the label with: causeway key list",
  });
}

export function keyExists(label: string, tokenLabel: string): AgentError {
  return new AgentError("identity.key-exists", {
    what: `the token "${tokenLabel}" has a key labelled "${label}" already`,
    remedy: "take another label, or delete that key first: causeway key delete",
  });
}

export function moduleMissing(module: string, cause: unknown): AgentError {
  return new AgentError("identity.module-missing", {
    what: `the PKCS#11 library ${module} cannot be loaded`,
    remedy: "install libtpm2-pkcs11-1 and set identity.module to the library of this machine's architecture",
    cause,
  });
}
