import { type Clock, isBelievable } from "../core/clock.ts";
import type { Action } from "./action.ts";
import type { ActionSlots } from "./action-slots.ts";
import type { ClockReading } from "./command-times.ts";
import type { Reporter } from "./report.ts";
import type { CommandRequest } from "./request.ts";

const POLL_MS = 250;

/** What commands are judged in time by. `waitMs` is how long one may wait for a clock that can be believed; 0 lets none wait. */
export type CommandClockParts = {
  readonly slots: ActionSlots;
  readonly reporter: Pick<Reporter, "started">;
  readonly clock: Clock;
  readonly waitMs: number;
};

/** The vehicle's clock as commands are judged by it, and the waits: for something that vouches for it, and for who does an action. */
export class CommandClock {
  readonly #parts: CommandClockParts;

  constructor(parts: CommandClockParts) {
    this.#parts = parts;
  }

  /** Commands that wait. */
  get slots(): ActionSlots {
    return this.#parts.slots;
  }

  monotonicMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  reading(): ClockReading {
    const { clock } = this.#parts;
    return { nowMs: clock.wallUs() / 1000, quality: clock.quality() };
  }

  /** Whether a command of this action may wait: that is configured, and of those that wait there is a slot for it. */
  mayWait(action: Action): boolean {
    const { waitMs, slots } = this.#parts;
    return waitMs > 0 && slots.fullOf(action) === undefined;
  }

  /** Whether a command of this action waits for who does it: that may still come, and of those that wait there is a slot for it. */
  mayAwait(action: Action): boolean {
    return action.awaits?.() === true && this.slots.fullOf(action) === undefined;
  }

  /** Waits until the clock can be believed, the time for that is over, or `signal` aborts. */
  async wait(request: CommandRequest, action: Action, signal: AbortSignal): Promise<void> {
    const { clock, waitMs } = this.#parts;
    const endMs = clock.monotonicMs() + waitMs;
    const mustWait = (): boolean => !isBelievable(clock.quality()) && clock.monotonicMs() < endMs;
    await this.#waitWhile(mustWait, request, action, signal);
  }

  /** Waits until who does the action has come or comes no more, `isOver` says that the request is too late, or `signal` aborts. */
  async awaitDoer(request: CommandRequest, action: Action, isOver: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#waitWhile(() => action.awaits?.() === true && !isOver(), request, action, signal);
  }

  async #waitWhile(
    mustWait: () => boolean,
    request: CommandRequest,
    action: Action,
    signal: AbortSignal,
  ): Promise<void> {
    const { slots, reporter, clock } = this.#parts;
    const ended = new AbortController();
    slots.take(request.ledgerId, action);
    reporter.started(request, ended.signal);
    while (mustWait() && !signal.aborted) await clock.sleep(POLL_MS, signal);
    ended.abort();
    slots.release(request.ledgerId);
  }
}
