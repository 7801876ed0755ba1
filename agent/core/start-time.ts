import type { Clock } from "./clock.ts";

/** What moves by no more is how two clocks are read one after the other, µs. */
const STEADY_US = 1_000_000;

/**
 * When the process started, told the same each time for as long as nobody steps the wall clock by more than a second: who sees another start
 * takes it for another process. Made while the process has not yet been suspended.
 */
export class StartTime {
  readonly #clock: Pick<Clock, "wallUs" | "boottimeMs">;
  readonly #startedBootMs: number;
  #toldUs: number | undefined;

  /** `startedAtMs`: start of the process on the clock's monotonic time. */
  constructor(clock: Pick<Clock, "wallUs" | "boottimeMs" | "monotonicMs">, startedAtMs: number) {
    this.#clock = clock;
    this.#startedBootMs = clock.boottimeMs() - (clock.monotonicMs() - startedAtMs);
  }

  /** µs since the Unix epoch, by the wall clock of now. */
  us(): number {
    const sinceMs = this.#clock.boottimeMs() - this.#startedBootMs;
    const us = Math.round(this.#clock.wallUs() - sinceMs * 1000);
    if (this.#toldUs === undefined || Math.abs(us - this.#toldUs) > STEADY_US) this.#toldUs = us;
    return this.#toldUs;
  }
}
