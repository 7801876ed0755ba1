import type { Clock } from "../../core/clock.ts";

/** How fast a tester may ask. */
export type PaceSettings = {
  readonly requestsPerSecond: number;
  /** Share of the bus that requests and their answers may take, above 0 to 1. */
  readonly busLoadShare: number;
  /** Bits a second of the bus. */
  readonly bitRate: number;
};

/**
 * When the next request may go out. There is no burst: two requests are at least 1 / `requestsPerSecond` apart, and what a request and
 * its answer took of the bus is waited off before the next. So in any span of time the share is exceeded by the bits of one exchange at most.
 */
export class Pace {
  readonly #settings: PaceSettings;
  readonly #clock: Clock;
  #nextMs = Number.NEGATIVE_INFINITY;
  #loadedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(settings: PaceSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Time until a request may go out, ms; 0 where it may. */
  waitMs(): number {
    return Math.max(0, Math.max(this.#nextMs, this.#loadedUntilMs) - this.#clock.monotonicMs());
  }

  /** A request goes out. */
  takeRequest(): void {
    this.#nextMs = this.#clock.monotonicMs() + 1000 / this.#settings.requestsPerSecond;
  }

  /** So many bits were or are sent, by us or because of us. */
  addBits(bits: number): void {
    const { busLoadShare, bitRate } = this.#settings;
    const nowMs = this.#clock.monotonicMs();
    this.#loadedUntilMs = Math.max(this.#loadedUntilMs, nowMs) + (bits * 1000) / (bitRate * busLoadShare);
  }
}
