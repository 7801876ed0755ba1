import type { Clock } from "../../../agent/core/clock.ts";
import {
  clockAt,
  isSuspended,
  machineMsFor,
  type Pulse,
  suspendedMsAt,
  type Timeline,
  vehicleMsAt,
  wallUsAt,
} from "./timeline.ts";

/** Longest delay that setTimeout takes. */
const MAX_DELAY_MS = 2_147_483_647;

/** One thing that waits, due at a time of the gateway's monotonic clock. */
type Waiting = {
  dueMs: number;
  readonly keepsAlive: boolean;
  readonly fire: () => void;
  timer: NodeJS.Timeout | undefined;
};

/** Where the clock has its time from: the last pulse, and ms of the machine's monotonic clock. */
export type DaySource = { readonly pulse: () => Pulse; readonly machineMs: () => number };

/**
 * A clock for the agent that goes by a timeline: faster than this machine, on a wall clock that is as wrong as the timeline says, and at a
 * stand while the gateway is suspended, when only `boottimeMs` goes on.
 *
 * All that is read in one go, without an `await` between, is read at the same moment: what passes between two reads of a real clock would be
 * as many times longer here as the time is faster.
 */
export class DayClock implements Clock {
  readonly #source: DaySource;
  readonly #waiting = new Set<Waiting>();
  #line: Timeline;
  #isRead = false;
  /** A pace that is told late must not turn the time back. */
  #latestMs = 0;

  constructor(line: Timeline, source: DaySource) {
    this.#line = line;
    this.#source = source;
  }

  /** From now on this holds. What waits is due by it. */
  follow(line: Timeline): void {
    this.#line = line;
    this.#isRead = false;
    for (const one of this.#waiting) this.#arm(one);
  }

  wallUs(): number {
    return wallUsAt(this.#line, this.#vehicleMs());
  }

  monotonicMs(): number {
    return this.boottimeMs() - suspendedMsAt(this.#line, this.#vehicleMs());
  }

  boottimeMs(): number {
    return this.#vehicleMs() - this.#line.bootedAtMs;
  }

  quality(): ReturnType<Clock["quality"]> {
    return clockAt(this.#line, this.#vehicleMs()).quality;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#forget(waiting);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const waiting = this.#wait(ms, true, finish);
      signal?.addEventListener("abort", finish, { once: true });
    });
  }

  every(ms: number, tick: () => void): () => void {
    const waiting = this.#wait(ms, false, () => {
      waiting.dueMs = this.monotonicMs() + ms;
      this.#arm(waiting);
      tick();
    });
    return () => this.#forget(waiting);
  }

  #vehicleMs(): number {
    if (this.#isRead) return this.#latestMs;
    this.#isRead = true;
    queueMicrotask(() => {
      this.#isRead = false;
    });
    const { pulse, machineMs } = this.#source;
    this.#latestMs = Math.max(this.#latestMs, vehicleMsAt(this.#line, pulse(), machineMs()));
    return this.#latestMs;
  }

  #wait(ms: number, keepsAlive: boolean, fire: () => void): Waiting {
    const waiting: Waiting = { dueMs: this.monotonicMs() + Math.max(0, ms), keepsAlive, fire, timer: undefined };
    this.#waiting.add(waiting);
    this.#arm(waiting);
    return waiting;
  }

  /** While the gateway is suspended nothing is due; what then follows arms all again. */
  #arm(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    if (isSuspended(this.#line)) return;
    const line = this.#line;
    const nowMs = this.#vehicleMs();
    const delayMs = Math.ceil(machineMsFor(line, nowMs, waiting.dueMs + line.bootedAtMs + suspendedMsAt(line, nowMs)));
    waiting.timer = setTimeout(() => this.#due(waiting), Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    if (!waiting.keepsAlive) waiting.timer.unref();
  }

  #due(waiting: Waiting): void {
    this.#isRead = false;
    if (!this.#waiting.has(waiting)) return;
    if (this.monotonicMs() < waiting.dueMs) this.#arm(waiting);
    else waiting.fire();
  }

  #forget(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
  }
}
