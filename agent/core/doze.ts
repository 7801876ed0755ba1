import type { Clock } from "./clock.ts";

/** The sleep of a loop that others may wake. A wake that comes while it is awake is not lost. */
export class Doze {
  readonly #clock: Clock;
  #isWoken = false;
  #nap: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#isWoken = true;
    this.#nap?.abort();
  }

  /** Resolves at monotonic time `untilMs`, or when woken; at once when woken since the last time. */
  async until(untilMs: number): Promise<void> {
    if (!this.#isWoken) {
      this.#nap = new AbortController();
      await this.#clock.sleep(Math.max(1, untilMs - this.#clock.monotonicMs()), this.#nap.signal);
      this.#nap = undefined;
    }
    this.#isWoken = false;
  }
}
