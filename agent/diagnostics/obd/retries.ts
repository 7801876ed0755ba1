import { type BackoffBounds, backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";

/** While nothing may be sent. */
const WITHHELD_MS = 5000;

/** The times between attempts to get something of ECUs: longer after each that failed, but not after one that was not let out. */
export class Retries {
  readonly #bounds: BackoffBounds;
  readonly #clock: Clock;
  #failed = 0;

  constructor(bounds: BackoffBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** Waits for the next attempt, as the last one went. */
  async wait({ kind }: { readonly kind: string }, signal: AbortSignal): Promise<void> {
    if (kind === "withheld") return await this.#clock.sleep(WITHHELD_MS, signal);
    await this.#clock.sleep(backoffMs(this.#failed++, this.#bounds), signal);
  }
}
