import type { Clock } from "../../core/clock.ts";
import { readDistance, readSuspended } from "../../telemetry/stamp-clock.ts";

/** A step of the wall clock that is larger makes the age of earlier signals unknown, ms; a slew is far smaller between two looks. */
const STEP_MS = 50;
/** How often is looked, ms; more often while somebody asks. */
export const LOOK_MS = 250;

/** What happened to the wall clock between two looks. */
export type ClockLook = {
  /** By how much it was set, ms, forward or back; 0 where it was not. */
  readonly steppedMs: number;
  /** For how long the machine was suspended, ms. That is no step: wall time and the time since the boot go on together. */
  readonly suspendedMs: number;
  /** Monotonic time, ms: hardly more than `LOOK_MS` while the process runs. */
  readonly passedMs: number;
};

type Reading = { readonly offsetMs: number; readonly suspendedMs: number; readonly monotonicMs: number };

/** Notices steps of the wall clock, by which the ages of signals are known, and suspends. The one place that looks for them. */
export class ClockSteps {
  readonly #clock: Clock;
  readonly #takers = new Set<(look: ClockLook) => void>();
  #last: Reading;
  #steppedAtMs: number | undefined;
  readonly #counts = { forward: 0, back: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = this.#read();
  }

  /** Looks regularly, so that no two steps cancel out unseen; returns what ends that. */
  watch(): () => void {
    // The time in which the parts were made is not one in which the process stood still.
    this.#last = { ...this.#last, monotonicMs: this.#clock.monotonicMs() };
    return this.#clock.every(LOOK_MS, () => this.#look());
  }

  /** Calls `take` after each look, also where nothing has happened; returns what ends that. */
  onLook(take: (look: ClockLook) => void): () => void {
    this.#takers.add(take);
    return () => void this.#takers.delete(take);
  }

  /** Steps since start, by direction. */
  counts(): Readonly<Record<"forward" | "back", number>> {
    return { ...this.#counts };
  }

  /** Time since the last step, ms; infinite when there was none. */
  sinceStepMs(): number {
    this.#look();
    return this.#steppedAtMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() - this.#steppedAtMs;
  }

  #look(): void {
    const before = this.#last;
    this.#last = this.#read();
    const movedMs = this.#last.offsetMs - before.offsetMs;
    const steppedMs = Math.abs(movedMs) > STEP_MS ? movedMs : 0;
    if (steppedMs !== 0) {
      this.#steppedAtMs = this.#last.monotonicMs;
      this.#counts[steppedMs > 0 ? "forward" : "back"] += 1;
    }
    const look = {
      steppedMs,
      suspendedMs: this.#last.suspendedMs - before.suspendedMs,
      passedMs: this.#last.monotonicMs - before.monotonicMs,
    };
    for (const take of this.#takers) take(look);
  }

  #read(): Reading {
    // Without a pause between the clocks, which would be a step forward or back.
    const clock = this.#clock;
    return {
      offsetMs: readDistance(clock) / 1000,
      suspendedMs: readSuspended(clock) / 1000,
      monotonicMs: clock.monotonicMs(),
    };
  }
}
