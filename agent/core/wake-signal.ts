import type { Clock } from "./clock.ts";

/** The sleep of a loop that others may wake. A wake that comes while it is awake is not lost. */
export class WakeSignal {
  readonly #clock: Clock;
  #isWoken = false;
  #sleep: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#isWoken = true;
    this.#sleep?.abort();
  }

  /** Resolves at monotonic time `untilMs`, or when woken; at once when woken since the last time. */
  async until(untilMs: number): Promise<void> {
    if (!this.#isWoken) {
      this.#sleep = new AbortController();
      await this.#clock.sleep(Math.max(1, untilMs - this.#clock.monotonicMs()), this.#sleep.signal);
      this.#sleep = undefined;
    }
    this.#isWoken = false;
  }
}
