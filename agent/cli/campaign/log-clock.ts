import type { Clock, ClockQuality } from "../../core/clock.ts";

type Timer = { readonly everyMs: number; readonly tick: () => void; dueMs: number };

/** Frames of several interfaces are logged in about their order. What is earlier by more than this was logged by a clock that was set back, µs. */
const DISORDER_US = 1_000_000;
/** In a gap of the log a timer is due at least this share of the gap so far later: years without a frame cost thousands of ticks, not billions. */
const GAP_SHARE = 0.001;

/**
 * A clock that goes by the times of a log: both clocks and all timers go on when `advanceTo` says so, and not otherwise. In a long gap
 * timers come late, by a thousandth of it at most.
 */
export class LogClock implements Clock {
  readonly #timers = new Set<Timer>();
  #wallUs: number;
  #monotonicMs = 0;

  /** `startUs`: µs since the Unix epoch. */
  constructor(startUs: number) {
    this.#wallUs = startUs;
  }

  wallUs(): number {
    return this.#wallUs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** A log says nothing of a suspend. */
  boottimeMs(): number {
    return this.#monotonicMs;
  }

  /** A log says nothing of the clock that it was made by. */
  quality(): ClockQuality {
    return "ntp";
  }

  /** Nothing that runs on a log waits. */
  async sleep(): Promise<void> {}

  every(everyMs: number, tick: () => void): () => void {
    const timer = { everyMs, tick, dueMs: this.#monotonicMs + everyMs };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Wall time at which the next timer is due, µs; infinite without one. */
  get nextDueUs(): number {
    return this.#wallUs + (this.#nextDueMs - this.#monotonicMs) * 1000;
  }

  /**
   * Time goes on until `timeUs`, with the timers that are due on the way. A time before now changes nothing, or sets the wall clock back
   * where it is more than a second before.
   */
  advanceTo(timeUs: number): void {
    if (timeUs < this.#wallUs) {
      if (timeUs < this.#wallUs - DISORDER_US) this.#wallUs = timeUs;
      return;
    }
    const fromMs = this.#monotonicMs;
    const untilMs = fromMs + (timeUs - this.#wallUs) / 1000;
    for (let dueMs = this.#nextDueMs; dueMs <= untilMs; dueMs = this.#nextDueMs) {
      this.#wallUs += (dueMs - this.#monotonicMs) * 1000;
      this.#monotonicMs = dueMs;
      const leastMs = (dueMs - fromMs) * GAP_SHARE;
      for (const timer of this.#timers) if (timer.dueMs <= dueMs) fire(timer, leastMs);
    }
    this.#monotonicMs = untilMs;
    this.#wallUs = timeUs;
  }

  get #nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#timers) next = Math.min(next, dueMs);
    return next;
  }
}

function fire(timer: Timer, leastMs: number): void {
  timer.dueMs += Math.max(timer.everyMs, leastMs);
  timer.tick();
}
