import { type Clock, isBelievable } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { MOST_ALARM_MS, type WakeAlarm } from "../../ports/wake-alarm.ts";
import type { GuardLevel } from "./battery-guard.ts";
import type { CheckInPlan } from "./check-in-plan.ts";
import type { SleepStep } from "./sleep-order.ts";

/** Timers and alarms are this early, ms. */
const EARLY_MS = 1500;
/** The wall clock was set, and not disciplined, ms. */
const STEP_MS = 30_000;
/** Time that is kept for setting the alarm, ms. */
const KEPT_MS = 500;

export type CheckInsParts = {
  readonly plan: CheckInPlan;
  readonly alarm: WakeAlarm;
  readonly clock: Clock;
  readonly log: Log;
};

/** The next check-in of a vehicle that goes to sleep, and the alarm for it. */
export class CheckIns implements SleepStep {
  readonly name = "alarm";
  readonly keepsMs = KEPT_MS;
  readonly #parts: CheckInsParts;
  /** When it went to sleep, and what the plan is: times since the boot, which no time service sets. */
  #asleepSinceMs = 0;
  #dueMs: number | undefined;
  #level: GuardLevel = "normal";
  #offsetMs = 0;
  #isWanted = false;

  constructor(parts: CheckInsParts) {
    this.#parts = parts;
  }

  /** The vehicle goes to sleep now. */
  begin(level: GuardLevel): void {
    this.#level = level;
    this.#asleepSinceMs = this.#parts.clock.boottimeMs();
    this.#isWanted = true;
    this.#plan();
  }

  /** Wall time, µs since the Unix epoch; undefined while none is planned. */
  nextUs(): number | undefined {
    if (this.#dueMs === undefined) return undefined;
    const { clock } = this.#parts;
    return Math.round(clock.wallUs() + (this.#dueMs - clock.boottimeMs()) * 1000);
  }

  /** The same, or where none is planned as it would be if the vehicle went to sleep now. */
  wouldBeUs(level: GuardLevel): number | undefined {
    const { clock, plan } = this.#parts;
    if (this.#isWanted) return this.nextUs();
    const isClockKnown = isBelievable(clock.quality());
    return plan.next({ nowUs: clock.wallUs(), isClockKnown, lastUs: undefined, level });
  }

  /** Whether it is time. */
  isDue(): boolean {
    return this.#dueMs !== undefined && this.#parts.clock.boottimeMs() >= this.#dueMs - EARLY_MS;
  }

  /** Call about once a second while asleep: plans anew when the wall clock was set. */
  async look(): Promise<void> {
    if (!this.#isWanted || Math.abs(this.#offset() - this.#offsetMs) < STEP_MS) return;
    this.#plan();
    await this.#set();
  }

  async prepare(): Promise<void> {
    await this.#set();
  }

  /** The alarm is let go: it would be in the way of the next one only where it could not be taken back, and then it wakes a vehicle that is awake. */
  resume(): void {
    const wasSet = this.#dueMs !== undefined;
    this.#isWanted = false;
    this.#dueMs = undefined;
    if (wasSet) void this.#try(() => this.#parts.alarm.clear());
  }

  #plan(): void {
    const { clock, plan } = this.#parts;
    const nowUs = clock.wallUs();
    const sleptMs = clock.boottimeMs() - this.#asleepSinceMs;
    const isClockKnown = isBelievable(clock.quality());
    const nextUs = plan.next({ nowUs, isClockKnown, lastUs: nowUs - sleptMs * 1000, level: this.#level });
    this.#offsetMs = this.#offset();
    this.#dueMs = nextUs === undefined ? undefined : clock.boottimeMs() + (nextUs - nowUs) / 1000;
  }

  /** One that is too far ahead for an alarm is brought forward: the vehicle checks in once more. */
  async #set(): Promise<void> {
    const { alarm, clock } = this.#parts;
    const nextUs = this.nextUs();
    if (nextUs === undefined) return await this.#try(() => alarm.clear());
    const mostUs = clock.wallUs() + (MOST_ALARM_MS - EARLY_MS) * 1000;
    await this.#try(() => alarm.set(Math.min(nextUs, mostUs)));
    if (!this.#isWanted) await this.#try(() => alarm.clear());
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#parts.log.warn("sleep.alarm-failed", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    }
  }

  /** Between the wall clock and the time since the boot, ms. */
  #offset(): number {
    const { clock } = this.#parts;
    return clock.wallUs() / 1000 - clock.boottimeMs();
  }
}
