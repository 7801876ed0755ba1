import type { Clock } from "../core/clock.ts";

const DAY_MS = 86_400_000;

/** How often something is sent: `perDay` times in the 24 hours from the first time on, `minMs` apart, and so long after the start. */
export type PaceSettings = { readonly minMs: number; readonly perDay: number };

/** Holds back what would come too often. By the time since the boot, which a suspend counts in. */
export class ReportPace {
  readonly #settings: PaceSettings;
  readonly #clock: Pick<Clock, "boottimeMs">;
  #lastMs: number;
  #dayMs = Number.NEGATIVE_INFINITY;
  #today = 0;
  #urgentMs = Number.NEGATIVE_INFINITY;

  constructor(settings: PaceSettings, clock: Pick<Clock, "boottimeMs">) {
    this.#settings = settings;
    this.#clock = clock;
    // What a process knows when it starts is not settled, and one that starts over and over is to send nothing.
    this.#lastMs = clock.boottimeMs();
  }

  /** How long it must wait, ms; 0 for now. */
  waitMs(): number {
    const { minMs, perDay } = this.#settings;
    const nowMs = this.#clock.boottimeMs();
    const apartMs = this.#lastMs + minMs - nowMs;
    const isSpent = this.usedToday() >= perDay;
    return Math.max(0, apartMs, isSpent ? this.#dayMs + DAY_MS - nowMs : 0);
  }

  /** It is sent now. */
  note(): void {
    const nowMs = this.#clock.boottimeMs();
    if (nowMs - this.#dayMs >= DAY_MS) {
      this.#dayMs = nowMs;
      this.#today = 0;
    }
    this.#today += 1;
    this.#lastMs = nowMs;
  }

  /** What was noted last was not taken: it counts for no day, but the next one is apart from it. */
  giveBack(): void {
    this.#today = Math.max(0, this.#today - 1);
  }

  /** How long what is urgent must wait, ms. Neither the start nor the budget holds it, but two of them are `minMs` apart: nobody drives us by it. */
  urgentWaitMs(): number {
    return Math.max(0, this.#urgentMs + this.#settings.minMs - this.#clock.boottimeMs());
  }

  /** It is sent now, as what is urgent. */
  noteUrgent(): void {
    this.note();
    this.#urgentMs = this.#lastMs;
  }

  /** How often something was sent in these 24 hours. */
  usedToday(): number {
    return this.#clock.boottimeMs() - this.#dayMs >= DAY_MS ? 0 : this.#today;
  }
}
