import { type BackoffBounds, fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";

/** What is remembered of an upload in this start. Times are monotonic, ms. */
export type UploadTry = {
  /** Not before. */
  dueMs: number;
  /** Requests in a row that came to nothing for now. */
  failures: number;
  /** Since when its idle time is not written down. */
  idleSinceMs: number;
  /** Why it does not go on, for people. */
  problem: string | undefined;
};

/** When each upload is tried next, by its id. In memory alone: a restart tries all at once. */
export class UploadTries {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #tries = new Map<string, UploadTry>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Of one that nothing is known of: it is due now. */
  of(id: string): UploadTry {
    const known = this.#tries.get(id);
    if (known !== undefined) return known;
    const nowMs = this.#clock.monotonicMs();
    const made = { dueMs: nowMs, failures: 0, idleSinceMs: nowMs, problem: undefined };
    this.#tries.set(id, made);
    return made;
  }

  problemOf(id: string): string | undefined {
    return this.#tries.get(id)?.problem;
  }

  isDue(id: string): boolean {
    return this.of(id).dueMs <= this.#clock.monotonicMs();
  }

  /** It is not tried before so long, ms. */
  wait(id: string, ms: number, why: string): void {
    const one = this.of(id);
    one.dueMs = this.#clock.monotonicMs() + Math.max(1, ms);
    one.problem = why;
  }

  /** Its request came to nothing for now. `random` gives 0 <= x < 1. */
  failed(id: string, why: string, bounds: BackoffBounds, random: () => number): void {
    const one = this.of(id);
    this.wait(id, fullJitterMs(one.failures, bounds, random), why);
    one.failures += 1;
  }

  /** All begin again now. */
  beginAgain(): void {
    for (const one of this.#tries.values()) this.#begin(one);
  }

  /** Those begin again now whose requests came to nothing: what waits for something else than the network waits on. */
  beginFailedAgain(): void {
    for (const one of this.#tries.values()) if (one.failures > 0) this.#begin(one);
  }

  forget(id: string): void {
    this.#tries.delete(id);
  }

  #begin(one: UploadTry): void {
    one.dueMs = this.#clock.monotonicMs();
    one.failures = 0;
  }
}
