import type { LockoutState } from "../../../agent/ports/key-store.ts";
import { authRefused, tpmAbsent } from "../faults.ts";
import type { OperationOf, TokenLocation } from "../worker/worker-protocol.ts";
import { runTool } from "./tools.ts";

/** The TPM's guess limit and what it has counted (TPM2_GetCapability, TPM_PT; TPM 2.0 part 2, 6.13). Needs no authorisation. */
export function readLockout({ workFolder: folder }: Pick<TokenLocation, "workFolder">): LockoutState {
  const output = runTool({ command: "tpm2_getcap", args: ["properties-variable"], folder });
  const number = (property: string): number => {
    const found = new RegExp(`^\\s*${property}:\\s*(0x[0-9a-f]+|\\d+)\\s*$`, "im").exec(output)?.[1];
    if (found === undefined) throw tpmAbsent(`it does not tell its ${property}`);
    return Number(found);
  };
  return {
    isLocked: number("inLockout") === 1,
    counter: number("TPM2_PT_LOCKOUT_COUNTER"),
    maxTries: number("TPM2_PT_MAX_AUTH_FAIL"),
    recoverySeconds: number("TPM2_PT_LOCKOUT_INTERVAL"),
    lockoutRecoverySeconds: number("TPM2_PT_LOCKOUT_RECOVERY"),
    hasOwnerAuth: number("ownerAuthSet") === 1,
    hasLockoutAuth: number("lockoutAuthSet") === 1,
  };
}

/** Sets the counter back to 0. Throws `identity.tpm-auth-refused`. */
export function clearLockout({ place, lockoutAuth }: OperationOf<"clear-lockout">): void {
  dictionaryLockout(place, ["--clear-lockout"], lockoutAuth);
}

/** Sets the TPM's guess limit, for all its users. Throws `identity.tpm-auth-refused`. */
export function setLockout(
  place: TokenLocation,
  parameters: NonNullable<OperationOf<"provision">["lockout"]>,
  lockoutAuth: string | undefined,
): void {
  const { maxTries, recoverySeconds, lockoutRecoverySeconds } = parameters;
  const args = [
    "--setup-parameters",
    `--max-tries=${maxTries}`,
    `--recovery-time=${recoverySeconds}`,
    `--lockout-recovery-time=${lockoutRecoverySeconds}`,
  ];
  dictionaryLockout(place, args, lockoutAuth);
}

function dictionaryLockout(
  { workFolder: folder }: TokenLocation,
  what: readonly string[],
  lockoutAuth: string | undefined,
): void {
  const auth = lockoutAuth === undefined ? [] : ["-p", "file:-"];
  runTool({
    command: "tpm2_dictionarylockout",
    args: [...what, ...auth],
    folder,
    secret: lockoutAuth,
    refused: () => authRefused("lockout", lockoutAuth !== undefined),
  });
}
