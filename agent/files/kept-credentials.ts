import { type BackoffBounds, fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, FAULTS } from "../core/errors.ts";
import type { CredentialsProvider, TemporaryCredentials } from "../ports/cloud-credentials.ts";

/** So long before their end credentials are asked for anew, ms: what is signed with them may be on its way for a while. */
const MARGIN_MS = 300_000;
/** Asking harder cannot help where a person must act, ms. */
const SLOW_MS = 300_000;
const BACKOFF: BackoffBounds = { minMs: 2000, maxMs: 300_000 };

export type KeptCredentialsParts = {
  readonly provider: CredentialsProvider;
  readonly clock: Pick<Clock, "wallUs" | "boottimeMs">;
  readonly random: () => number;
};

/** Counts since the start. */
export type CredentialCounts = { readonly given: number; readonly failed: number };

/** The last fault of a role alias, and until when it stands: ms as `boottimeMs` counts them. */
type Failing = { readonly fault: AgentError; readonly failures: number; readonly untilMs: number };

/**
 * Credentials by role alias, in memory and nowhere else. They are asked for once, and again shortly before they end. After a fault nobody
 * is asked for a while: the same fault is the answer.
 */
export class KeptCredentials {
  readonly #parts: KeptCredentialsParts;
  readonly #kept = new Map<string, TemporaryCredentials>();
  readonly #failing = new Map<string, Failing>();
  #counts = { given: 0, failed: 0 };

  constructor(parts: KeptCredentialsParts) {
    this.#parts = parts;
  }

  get counts(): CredentialCounts {
    return this.#counts;
  }

  /** Credentials that are good for a while, by a wall clock that is right. Rejects as `CredentialsProvider.ask` does. */
  async get(roleAlias: string, signal: AbortSignal): Promise<TemporaryCredentials> {
    const { provider, clock } = this.#parts;
    const kept = this.#kept.get(roleAlias);
    if (kept !== undefined && kept.expiresAtMs - clock.wallUs() / 1000 > MARGIN_MS) return kept;
    this.#kept.delete(roleAlias);
    const failing = this.#failing.get(roleAlias);
    if (failing !== undefined && clock.boottimeMs() < failing.untilMs) throw failing.fault;
    try {
      const given = await provider.ask(roleAlias, signal);
      if (given.expiresAtMs <= clock.wallUs() / 1000) throw overAlready(roleAlias);
      this.#failing.delete(roleAlias);
      this.#kept.set(roleAlias, given);
      this.#counts.given += 1;
      return given;
    } catch (thrown) {
      if (thrown instanceof AgentError && !signal.aborted) this.#failed(roleAlias, thrown);
      throw thrown;
    }
  }

  /** They are not taken any more, whatever their time says. */
  forget(roleAlias: string): void {
    this.#kept.delete(roleAlias);
  }

  #failed(roleAlias: string, fault: AgentError): void {
    const { clock, random } = this.#parts;
    const failures = (this.#failing.get(roleAlias)?.failures ?? 0) + 1;
    const waitMs = FAULTS[fault.code].retry === "backoff" ? fullJitterMs(failures - 1, BACKOFF, random) : SLOW_MS;
    this.#failing.set(roleAlias, { fault, failures, untilMs: clock.boottimeMs() + waitMs });
    this.#counts.failed += 1;
  }
}

function overAlready(roleAlias: string): AgentError {
  return new AgentError("upload.credentials-unavailable", {
    what: `the credentials of the role alias ${roleAlias} are over already when they come`,
    remedy: "compare this machine's clock with the true time",
  });
}
