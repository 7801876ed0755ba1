import type { Clock } from "../../../agent/core/clock.ts";

/** The one plan to connect: a newer one drops the older, whatever that still waits for. */
export class ReconnectPlan {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #signal: AbortSignal;
  #latest = 0;

  /** No plan is followed once `signal` aborts. */
  constructor(clock: Pick<Clock, "sleep">, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Makes a new plan. Gives whether it is still the one to follow. */
  renew(): () => boolean {
    const plan = ++this.#latest;
    return () => plan === this.#latest && !this.#signal.aborted;
  }

  /** Makes a new plan: to begin after `waitMs`, at once where that is nothing. */
  beginAfter(waitMs: number, begin: () => void): void {
    const isWanted = this.renew();
    if (waitMs <= 0 && isWanted()) {
      begin();
      return;
    }
    void this.#clock.sleep(waitMs, this.#signal).then(() => {
      if (isWanted()) begin();
    });
  }
}
