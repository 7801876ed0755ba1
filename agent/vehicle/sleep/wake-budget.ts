import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { WakeCause } from "../../ports/wake-sources.ts";
import type { KeptWakes, SleepMemory } from "./sleep-memory.ts";

const DAY_US = 86_400_000_000;
/** Causes that are told apart by name on one day; further ones count by their kind. */
const MOST_CAUSES = 32;

/** Wakes of the day so far. */
export type WakesToday = {
  /** Of others than the alarm, which alone are bounded. */
  readonly unplanned: number;
  /** Undefined without a bound. */
  readonly most: number | undefined;
  /** Of each cause, as `kind name`; the alarm too. */
  readonly counts: Readonly<Record<string, number>>;
};

/** Counts who wakes the vehicle, a day (UTC, by the clock as it is), and says when it has been too often. */
export class WakeBudget {
  readonly #parts: { readonly clock: Clock; readonly log: Log; readonly memory: SleepMemory };
  readonly #most: number | undefined;
  #wakes: KeptWakes;
  #saidOnDay: number | undefined;

  constructor(
    most: number | undefined,
    parts: { readonly clock: Clock; readonly log: Log; readonly memory: SleepMemory },
  ) {
    this.#parts = parts;
    this.#most = most;
    this.#wakes = parts.memory.wakes() ?? { day: this.#day(), counts: {} };
  }

  today(): WakesToday {
    const { counts } = this.#ofToday();
    const unplanned = Object.entries(counts).reduce((sum, [cause, n]) => (isAlarm(cause) ? sum : sum + n), 0);
    return { unplanned, most: this.#most, counts };
  }

  /** Counts a wake. Gives false where it is over the budget: only the alarm may bring the agent up then, and a person who drives. */
  note(cause: WakeCause): boolean {
    const { day, counts } = this.#ofToday();
    const named = nameOf(counts, cause);
    this.#keep({ ...counts, [named]: (counts[named] ?? 0) + 1 });
    if (cause.kind === "rtc") return true;
    const { unplanned, most = Number.POSITIVE_INFINITY } = this.today();
    if (unplanned <= most) return true;
    this.#say(day, unplanned);
    return false;
  }

  /** A wake that was counted for `before` was of `cause`; neither is the alarm. */
  recount(before: WakeCause, cause: WakeCause): void {
    const { counts } = this.#ofToday();
    const wrong = nameOf(counts, before);
    const { [wrong]: counted = 0, ...others } = counts;
    // The day may have ended in between.
    if (counted === 0) return;
    const rest = counted === 1 ? others : { ...others, [wrong]: counted - 1 };
    const named = nameOf(rest, cause);
    this.#keep({ ...rest, [named]: (rest[named] ?? 0) + 1 });
  }

  #keep(counts: WakesToday["counts"]): void {
    this.#wakes = { day: this.#day(), counts };
    this.#parts.memory.keepWakes(this.#wakes);
  }

  /** Once a day: it is the same story each time. */
  #say(day: number, wakes: number): void {
    if (this.#saidOnDay === day) return;
    this.#saidOnDay = day;
    const counts = Object.entries(this.#wakes.counts).map(([cause, n]) => `${cause}: ${n}`);
    this.#parts.log.warn("sleep.wake-budget-spent", { wakes, most: this.#most, causes: counts.join(", ") });
  }

  #ofToday(): KeptWakes {
    const day = this.#day();
    return this.#wakes.day === day ? this.#wakes : { day, counts: {} };
  }

  #day(): number {
    return Math.floor(this.#parts.clock.wallUs() / DAY_US);
  }
}

/** Under what a cause is counted beside these. */
function nameOf(counts: WakesToday["counts"], { kind, name }: WakeCause): string {
  const named = name === "" ? kind : `${kind} ${name}`;
  return named in counts || Object.keys(counts).length < MOST_CAUSES ? named : kind;
}

function isAlarm(cause: string): boolean {
  return cause === "rtc" || cause.startsWith("rtc ");
}
