import type { GuardLevel } from "./battery-guard.ts";
import { type DayWindow, WindowTimes } from "./day-window.ts";

const HOUR_US = 3_600_000_000;
/** Two check-ins are never closer, whatever the clock did: what wakes a vehicle for nothing drains it. */
const LEAST_GAP_US = 300_000_000;
/** With a window the hour of the last check-in does not matter, only its day: so much earlier it is due, of the time between two, and at most an hour. */
const SLACK_SHARE = 0.25;

/** How often the vehicle wakes by itself. */
export type CheckInSettings = {
  /** Infinite where it never does. */
  readonly everyHours: number;
  /** Hours between two while the battery is to be saved. */
  readonly savingEveryHours: number;
  readonly window: DayWindow | undefined;
  /** 0 <= x < 1, the vehicle's own: a fleet with one window does not come at one moment. */
  readonly spread: number;
};

/** What a plan is made from. Times are wall times, µs since the Unix epoch. */
export type CheckInFacts = {
  readonly nowUs: number;
  /** Whether the wall time is to be believed; if not, only the time between two counts. */
  readonly isClockKnown: boolean;
  /** When it was last in touch with the cloud side, as the clock goes now; undefined when it never was. */
  readonly lastUs: number | undefined;
  readonly level: GuardLevel;
};

/** Says when a sleeping vehicle checks in next. */
export class CheckInPlan {
  readonly #settings: CheckInSettings;
  readonly #window: WindowTimes | undefined;

  constructor(settings: CheckInSettings) {
    this.#settings = settings;
    this.#window = settings.window === undefined ? undefined : new WindowTimes(settings.window);
  }

  /** Wall time, µs since the Unix epoch: always ahead of now; undefined when it does not check in any more. */
  next({ nowUs, isClockKnown, lastUs = nowUs, level }: CheckInFacts): number | undefined {
    if (level === "guarded") return undefined;
    const { everyHours, savingEveryHours } = this.#settings;
    const everyUs = (level === "saving" ? Math.max(savingEveryHours, everyHours) : everyHours) * HOUR_US;
    if (!Number.isFinite(everyUs)) return undefined;
    // A clock that was set back leaves the last one in the future.
    const fromUs = Math.min(lastUs, nowUs);
    const leastUs = nowUs + LEAST_GAP_US;
    if (this.#window === undefined || !isClockKnown) return Math.max(leastUs, fromUs + everyUs);
    const slackUs = Math.min(everyUs * SLACK_SHARE, HOUR_US);
    const startUs = this.#window.next(Math.max(leastUs, fromUs + everyUs - slackUs));
    return this.#spread(this.#window, startUs);
  }

  /** Not at one moment with all others, but in the first half of the window as long as there is one. */
  #spread(window: WindowTimes, startUs: number): number {
    const spreadUs = Math.floor(window.minutes / 2) * 60_000_000 * this.#settings.spread;
    const atUs = startUs + Math.floor(spreadUs);
    return window.holds(atUs) ? atUs : startUs;
  }
}
