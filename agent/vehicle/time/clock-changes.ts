import { type Clock, isBelievable } from "../../core/clock.ts";
import type { ClockChange, ClockReason, ClockStanding } from "../../telemetry/record/encode/clock-change.ts";
import { momentOf } from "../../telemetry/stamp-clock.ts";
import type { ClockFacts } from "./clock-facts.ts";

const HOUR_MS = 3_600_000;
/** Bounds of the classes of error, ms: a change within one is none. */
const CLASSES_MS = [1, 10, 100, 1000, 10_000] as const;
/** Another class by less than this factor is none either. */
const CLASS_FACTOR = 2;

/**
 * Which changes of the clock are told. A step, and a clock that becomes believable or ceases to be, at once; another quality, source or
 * class of error once two looks running agree on it. At most so many an hour; the next one that is told says how many were not, and
 * its step is the sum of theirs and its own.
 */
export class ClockChanges {
  readonly #clock: Clock;
  readonly #maxPerHour: number;
  #told: ClockStanding | undefined;
  /** What the last look saw, where it was not told yet. */
  #candidate: string | undefined;
  /** What there was no room to tell, so that it is counted once. */
  #held: string | undefined;
  #stepMs = 0;
  #steps = 0;
  #untold = 0;
  #allowed: number;
  #countedAtMs: number;
  readonly #counters = { changes: 0, untold: 0 };

  constructor(clock: Clock, maxPerHour: number) {
    this.#clock = clock;
    this.#maxPerHour = maxPerHour;
    this.#allowed = maxPerHour;
    this.#countedAtMs = clock.monotonicMs();
  }

  counters(): { readonly changes: number; readonly untold: number } {
    return { ...this.#counters };
  }

  /** Somebody has set the clock, by so many ms. */
  stepped(ms: number): void {
    this.#stepMs += ms;
    this.#steps += 1;
  }

  /** The change to be told now that the clock is worth this; undefined where there is none. */
  next({ quality, source, errorMs, detail }: ClockFacts): ClockChange | undefined {
    const after = { quality, source, errorMs, detail };
    const reason = this.#reasonFor(after);
    if (reason === undefined) return undefined;
    if (!this.#isAllowed()) {
      this.#hold(keyOf(after));
      return undefined;
    }
    const stepUs = Math.round(this.#stepMs * 1000);
    const { monotonicUs, suspendedUs, wallUs } = momentOf(this.#clock);
    const change = {
      before: this.#told,
      after,
      stepUs,
      monotonicUs,
      suspendedUs,
      wallUs,
      reason,
      untold: this.#untold,
    };
    this.#told = after;
    this.#candidate = undefined;
    this.#held = undefined;
    this.#stepMs = 0;
    this.#steps = 0;
    this.#untold = 0;
    this.#counters.changes += 1;
    return change;
  }

  #reasonFor(after: ClockStanding): ClockReason | undefined {
    const before = this.#told;
    if (before === undefined) return "start";
    if (this.#stepMs !== 0 || this.#steps > 0) return "step";
    const reason = differenceOf(before, after);
    if (reason !== undefined && isBelievable(before.quality) !== isBelievable(after.quality)) return reason;
    const key = reason === undefined ? undefined : keyOf(after);
    const isSettled = key === this.#candidate;
    this.#candidate = key;
    return isSettled ? reason : undefined;
  }

  #hold(key: string): void {
    const count = this.#steps > 0 ? this.#steps : key === this.#held ? 0 : 1;
    this.#held = key;
    this.#steps = 0;
    this.#untold += count;
    this.#counters.untold += count;
  }

  /** A bucket that fills within an hour. */
  #isAllowed(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#countedAtMs) * this.#maxPerHour) / HOUR_MS;
    this.#countedAtMs = nowMs;
    this.#allowed = Math.min(this.#maxPerHour, this.#allowed + gained);
    if (this.#allowed < 1) return false;
    this.#allowed -= 1;
    return true;
  }
}

/** The first thing in which the clock is worth something else; undefined where it is worth the same. */
function differenceOf(before: ClockStanding, after: ClockStanding): ClockReason | undefined {
  if (before.quality !== after.quality) return "quality";
  if (before.source !== after.source) return "source";
  if (classOf(before.errorMs) === classOf(after.errorMs)) return undefined;
  if (before.errorMs === undefined || after.errorMs === undefined) return "error";
  const [small, large] = [before.errorMs, after.errorMs].toSorted((a, b) => a - b);
  return large >= small * CLASS_FACTOR ? "error" : undefined;
}

function keyOf({ quality, source, errorMs }: ClockStanding): string {
  return `${quality} ${source} ${classOf(errorMs)}`;
}

/** Of an error that nobody knows the highest. */
function classOf(errorMs: number | undefined): number {
  return errorMs === undefined ? CLASSES_MS.length + 1 : CLASSES_MS.filter((bound) => errorMs >= bound).length;
}
