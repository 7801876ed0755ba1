import type { Clock } from "../../../agent/core/clock.ts";
import {
  clockAt,
  isSuspended,
  machineMsAt,
  machineNowMs,
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

/**
 * A clock for the agent that goes by a timeline: faster than this machine, on a wall clock that is as wrong as the timeline says, and at a
 * stand while the gateway is suspended, when only `boottimeMs` goes on.
 *
 * All that is read in one go, without an `await` between, is read at the same moment: what passes between two reads of a real clock would be
 * as many times longer here as the time is faster.
 */
export class DayClock implements Clock {
  readonly #machineMs: () => number;
  readonly #waiting = new Set<Waiting>();
  #line: Timeline;
  #readAtMs: number | undefined;

  constructor(line: Timeline, machineMs = machineNowMs) {
    this.#line = line;
    this.#machineMs = machineMs;
  }

  /** From now on this holds. What waits is due by it. */
  follow(line: Timeline): void {
    this.#line = line;
    this.#readAtMs = undefined;
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
    if (this.#readAtMs === undefined) {
      this.#readAtMs = this.#machineMs();
      queueMicrotask(() => {
        this.#readAtMs = undefined;
      });
    }
    return vehicleMsAt(this.#line, this.#readAtMs);
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
    const vehicleMs = waiting.dueMs + line.bootedAtMs + suspendedMsAt(line, this.#vehicleMs());
    const delayMs = Math.ceil(machineMsAt(line, vehicleMs) - this.#machineMs());
    waiting.timer = setTimeout(() => this.#due(waiting), Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    if (!waiting.keepsAlive) waiting.timer.unref();
  }

  #due(waiting: Waiting): void {
    this.#readAtMs = undefined;
    if (!this.#waiting.has(waiting)) return;
    if (this.monotonicMs() < waiting.dueMs) this.#arm(waiting);
    else waiting.fire();
  }

  #forget(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
  }
}
