import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { LEAST_ALARM_MS, MOST_ALARM_MS, type WakeAlarm } from "../../../agent/ports/wake-alarm.ts";

/** An alarm in memory. `atUs` is when it would go off, on the system's clock; undefined while none is set. */
export class FakeWakeAlarm implements WakeAlarm {
  atUs: number | undefined;
  /** There is no alarm to be had. */
  isGone = false;
  readonly #clock: Pick<Clock, "wallUs">;

  constructor(clock: Pick<Clock, "wallUs">) {
    this.#clock = clock;
  }

  async set(atUs: number): Promise<void> {
    this.#check();
    const nowUs = this.#clock.wallUs();
    const aheadMs = (atUs - nowUs) / 1000;
    if (aheadMs > MOST_ALARM_MS) throw unavailable("too far ahead");
    this.atUs = nowUs + Math.ceil(Math.max(LEAST_ALARM_MS, aheadMs) / 1000) * 1_000_000;
  }

  async clear(): Promise<void> {
    this.#check();
    this.atUs = undefined;
  }

  #check(): void {
    if (this.isGone) throw unavailable("no RTC");
  }
}

function unavailable(what: string): AgentError {
  return new AgentError("alarm.unavailable", { what, remedy: "ask the test" });
}
