import { spawn } from "node:child_process";
import type { AgentError } from "../../agent/core/errors.ts";
import { type TpmReach, tpmEnvironment } from "./environment.ts";
import { tpmSilent } from "./faults.ts";

/** The smallest question to a TPM (TPM2_GetRandom): 22 ms with a resource manager, measured, of which 14 are the loader's. */
const QUESTION = ["tpm2_getrandom", ["1"]] as const;
/** An answer that was fetched ahead counts so long. */
const FRESH_MS = 2000;

/** Whom to ask, and how long an answer may take, ms. */
export type TpmCheckParts = TpmReach & { readonly timeoutMs: number };

/**
 * Whether the TPM answers at all. Asked in a process of its own, which is killed at the time limit: the libraries would keep the calling
 * thread as long as what stands before the TPM is silent (measured: 50 s for a resource manager that hangs, for ever once it is connected).
 */
export class TpmCheck {
  readonly #parts: TpmCheckParts;
  #ahead: { readonly answer: Promise<AgentError | undefined>; readonly untilMs: number } | undefined;

  constructor(parts: TpmCheckParts) {
    this.#parts = parts;
  }

  /** Asks ahead, so that the next `silence` need not wait. */
  begin(): void {
    const untilMs = performance.now() + FRESH_MS + this.#parts.timeoutMs;
    this.#ahead = { answer: asked(this.#parts, undefined), untilMs };
  }

  /**
   * `identity.tpm-timeout` when no answer came in time or before `signal` aborted. Undefined when one came, whatever it was, and where the
   * tool that asks is missing: then the library is left to say what is wrong. Never rejects.
   */
  silence(signal?: AbortSignal): Promise<AgentError | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead !== undefined && performance.now() < ahead.untilMs ? ahead.answer : asked(this.#parts, signal);
  }
}

function asked(parts: TpmCheckParts, signal: AbortSignal | undefined): Promise<AgentError | undefined> {
  const { timeoutMs } = parts;
  const [command, args] = QUESTION;
  const startMs = performance.now();
  const late = (): AgentError => tpmSilent(parts.tcti, performance.now() - startMs);
  return new Promise((resolve) => {
    const limits = { timeout: timeoutMs, killSignal: "SIGKILL", ...(signal === undefined ? {} : { signal }) } as const;
    const child = spawn(command, args, { env: { ...tpmEnvironment(parts) }, stdio: "ignore", ...limits });
    child.once("error", ({ name }) => resolve(name === "AbortError" ? late() : undefined));
    child.once("exit", (_, killedBy) => resolve(killedBy === null ? undefined : late()));
  });
}
