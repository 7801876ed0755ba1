import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Outbox } from "../ports/outbox.ts";
import { DRAIN_BACKOFF } from "../ports/outbox-faults.ts";

/** `random` gives 0 <= x < 1. */
export type OutboxGuardParts = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** Bears the outbox's own trouble (a fault), with a growing delay until the next try; anything else is a bug and goes up. */
export class OutboxGuard {
  readonly #parts: OutboxGuardParts;
  #failures = 0;
  #retryAtMs = 0;

  constructor(parts: OutboxGuardParts) {
    this.#parts = parts;
  }

  /** Monotonic ms before which the outbox should be left alone. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** Gives whether the work was done. The first failure in a row is logged. */
  attempt(work: (outbox: Outbox) => void): boolean {
    const { outbox, clock, log, random } = this.#parts;
    try {
      work(outbox);
      this.#failures = 0;
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (this.#failures === 0) log.error("publish.outbox-failed", { code: thrown.code, what: thrown.message });
      this.#retryAtMs = clock.monotonicMs() + DRAIN_BACKOFF.minMs + fullJitterMs(this.#failures, DRAIN_BACKOFF, random);
      this.#failures += 1;
      return false;
    }
  }
}
