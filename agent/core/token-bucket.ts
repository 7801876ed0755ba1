/**
 * A rate with room for a burst: holds `capacity` tokens, is full at first, and fills evenly, an empty one within `fillMs`.
 *
 * `nowMs` is a monotonic clock, ms. Whoever refuses what is beyond the rate asks `hasToken` before `take`; whoever delays it takes at
 * once and waits as long as `take` says.
 */
export class TokenBucket {
  readonly #capacity: number;
  readonly #fillMs: number;
  readonly #nowMs: () => number;
  /** When it will be full, in ms times the capacity: a token then costs whole `fillMs`, and no rounding adds up. */
  #fullAt: number;

  constructor(capacity: number, fillMs: number, nowMs: () => number) {
    this.#capacity = capacity;
    this.#fillMs = fillMs;
    this.#nowMs = nowMs;
    this.#fullAt = nowMs() * capacity;
  }

  /** Whether a whole token is there. */
  hasToken(): boolean {
    return this.#missing() <= this.#fillMs * (this.#capacity - 1);
  }

  /** Takes tokens, on credit where they are not there. Gives for how long the bucket owes them, ms; 0 when they were there. */
  take(tokens = 1): number {
    const missing = this.#missing() + this.#fillMs * tokens;
    this.#fullAt = this.#nowMs() * this.#capacity + missing;
    return Math.max(0, missing / this.#capacity - this.#fillMs);
  }

  /** What it lacks to be full: `fillMs` a token. */
  #missing(): number {
    return Math.max(0, this.#fullAt - this.#nowMs() * this.#capacity);
  }
}
