import type { Clock, ClockQuality } from "../../../agent/core/clock.ts";

type Timer = { readonly id: number; readonly dueMs: number; readonly periodMs: number | undefined; fire(): void };

/** Where a `ManualClock` starts. */
export type ManualClockStart = {
  /** µs since the Unix epoch; 2026-01-01T00:00:00Z when absent. */
  readonly wallUs?: number;
  readonly monotonicMs?: number;
  readonly quality?: ClockQuality;
};

/** A clock that moves only when told to. Timers fire inside `advance`, in the order in which they are due. */
export class ManualClock implements Clock {
  #wallUs: number;
  #monotonicMs: number;
  #suspendedMs = 0;
  #quality: ClockQuality;
  #timers: Timer[] = [];
  #nextId = 1;

  constructor(start: ManualClockStart = {}) {
    this.#wallUs = start.wallUs ?? 1_767_225_600_000_000;
    this.#monotonicMs = start.monotonicMs ?? 1000;
    this.#quality = start.quality ?? "ntp";
  }

  wallUs(): number {
    return this.#wallUs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  boottimeMs(): number {
    return this.#monotonicMs + this.#suspendedMs;
  }

  quality(): ClockQuality {
    return this.#quality;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const id = this.#add(ms, undefined, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = (): void => {
        this.#remove(id);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  every(ms: number, tick: () => void): () => void {
    const id = this.#add(ms, ms, tick);
    return () => this.#remove(id);
  }

  /** Moves both clocks by `ms` and fires what falls due on the way. Code that awaits a `sleep` goes on at the caller's next await. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms;
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs)) this.#fire(timer);
    this.#moveTo(endMs);
  }

  /** Like `advance`, but gives the event loop a turn after each timer, so that code woken by one can set the next. */
  async run(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await turn();
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs)) {
      this.#fire(timer);
      await turn();
    }
    this.#moveTo(endMs);
    await turn();
  }

  /** Steps the wall clock alone, as a time source does. */
  stepWall(us: number): void {
    this.#wallUs += us;
  }

  /** The machine is suspended for `ms`: wall time and boottime go on, monotonic time and timers stand. */
  suspend(ms: number): void {
    this.#wallUs += Math.round(ms * 1000);
    this.#suspendedMs += ms;
  }

  /** The process is stopped, or busy, for `ms`: all clocks go on, and its timers fire late, when time next moves; intervals once. */
  stall(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms);
    const nowMs = this.#monotonicMs;
    this.#timers = this.#timers.map((timer) => ({ ...timer, dueMs: Math.max(timer.dueMs, nowMs) }));
  }

  setQuality(quality: ClockQuality): void {
    this.#quality = quality;
  }

  /** Sleepers and intervals that wait. */
  waiting(): number {
    return this.#timers.length;
  }

  #add(ms: number, periodMs: number | undefined, fire: () => void): number {
    const id = this.#nextId++;
    this.#timers.push({ id, dueMs: this.#monotonicMs + Math.max(0, ms), periodMs, fire });
    return id;
  }

  #remove(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  #nextDue(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#moveTo(timer.dueMs);
    this.#remove(timer.id);
    if (timer.periodMs !== undefined) this.#timers.push({ ...timer, dueMs: timer.dueMs + Math.max(1, timer.periodMs) });
    timer.fire();
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#wallUs += Math.round((monotonicMs - this.#monotonicMs) * 1000);
    this.#monotonicMs = monotonicMs;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
