import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { TokenBucket } from "../../core/token-bucket.ts";
import type { ShoulderTap } from "../../ports/shoulder-tap.ts";

/** Anybody who knows a number can send an SMS: more than so many an hour, evenly, are counted and dropped. */
const MOST_AN_HOUR = 12;
const BURST = 3;
const HOUR_MS = 3_600_000;

export type ShoulderTapsParts = {
  readonly taps: readonly ShoulderTap[];
  /** A sleeping vehicle checks in now; what one does that is awake is not our matter. */
  readonly checkIn: (name: string) => void;
  readonly clock: Clock;
  readonly log: Log;
};

/** Taps since the start: those that made the vehicle check in or would have, and those beyond the rate. */
export type TapCounts = { readonly taken: number; readonly refused: number };

/** Who taps the vehicle on its shoulder, within a rate of its own for all of them. */
export class ShoulderTaps {
  readonly #parts: ShoulderTapsParts;
  readonly #bucket: TokenBucket;
  #taken = 0;
  #refused = 0;

  constructor(parts: ShoulderTapsParts) {
    this.#parts = parts;
    // Asleep, monotonic time stands still.
    this.#bucket = new TokenBucket(BURST, (HOUR_MS / MOST_AN_HOUR) * BURST, () => parts.clock.boottimeMs());
  }

  counts(): TapCounts {
    return { taken: this.#taken, refused: this.#refused };
  }

  start(): void {
    for (const tap of this.#parts.taps) tap.start(() => this.#take(tap.name));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.taps.map((tap) => tap.stop()));
  }

  #take(name: string): void {
    const { checkIn, log } = this.#parts;
    if (!this.#bucket.hasToken()) {
      this.#refused += 1;
      if (this.#refused === 1) log.warn("tap.refused", { name, mostAnHour: MOST_AN_HOUR });
      return;
    }
    this.#bucket.take();
    this.#taken += 1;
    log.info("tap.taken", { name });
    checkIn(name);
  }
}
