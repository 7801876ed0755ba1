import type { Clock } from "../../core/clock.ts";

/**
 * A time-out that is set anew very often and seldom comes: setting it costs a reading of the clock, since one sleeper serves all.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #onExpiry: () => void;
  #dueMs: number | undefined;
  #sleeper: AbortController | undefined;

  /** `onExpiry` is called `afterMs` after the last `set`, unless `unset` or `close` comes first. */
  constructor(clock: Clock, afterMs: number, onExpiry: () => void) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#onExpiry = onExpiry;
  }

  /** From now on. */
  set(): void {
    this.#dueMs = this.#clock.monotonicMs() + this.#afterMs;
    if (this.#sleeper === undefined) void this.#watch();
  }

  /** Not for now: a `set` soon is expected. */
  unset(): void {
    this.#dueMs = undefined;
  }

  /** Not any more; nothing sleeps after it. */
  close(): void {
    this.#dueMs = undefined;
    this.#sleeper?.abort();
    this.#sleeper = undefined;
  }

  async #watch(): Promise<void> {
    const sleeper = new AbortController();
    this.#sleeper = sleeper;
    // Each `set` is later than the one before, so that a sleeper never wakes too late for it.
    while (this.#dueMs !== undefined && this.#sleeper === sleeper) {
      const restMs = this.#dueMs - this.#clock.monotonicMs();
      if (restMs > 0) {
        await this.#clock.sleep(restMs, sleeper.signal);
        continue;
      }
      this.#dueMs = undefined;
      this.#onExpiry();
    }
    if (this.#sleeper === sleeper) this.#sleeper = undefined;
  }
}
