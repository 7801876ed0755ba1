import type { IdentityConfig } from "../../config/schema.ts";
import { TpmCheck, type TpmCheckParts } from "../../drivers/tpm/tpm-check.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The question whether the TPM answers, which the first connection waits for. It takes a process, and so is asked as soon as a file says which
 * TPM that is, before it is known whether all files can be used: other ones may name another, which is then asked in its turn.
 */
export class TpmQuestion {
  readonly #environment: Environment;
  #asked: { readonly of: string; readonly check: TpmCheck } | undefined;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The check of the TPM that has the key, which is being asked; undefined for a key in a file. */
  ask(identity: IdentityConfig): TpmCheck | undefined {
    const parts = partsOf(identity, this.#environment);
    if (parts === undefined) return undefined;
    const of = JSON.stringify([parts.tcti, parts.timeoutMs]);
    if (this.#asked?.of === of) return this.#asked.check;
    const check = new TpmCheck(parts);
    check.begin();
    this.#asked = { of, check };
    return check;
  }
}

/** A check that nothing was asked of yet; undefined for a key in a file. */
export function tpmCheckOf(identity: IdentityConfig, environment: Environment): TpmCheck | undefined {
  const parts = partsOf(identity, environment);
  return parts === undefined ? undefined : new TpmCheck(parts);
}

function partsOf(identity: IdentityConfig, environment: Environment): TpmCheckParts | undefined {
  if (identity.mode === "file") return undefined;
  const { tcti, tpm } = identity;
  return { tcti, environment, timeoutMs: tpm.answerTimeoutSeconds * 1000 };
}
