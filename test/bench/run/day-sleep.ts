import { setTimeout as pause } from "node:timers/promises";
import type { DayRecords } from "../consumers/day/day-records.ts";
import type { SleepFacts } from "../consumers/day/sleep-judge.ts";
import type { DayAgent } from "../day/day-agent.ts";
import type { DayAlarm } from "../day/day-alarm.ts";
import { type DayPlan, isIn, WAKING_MS } from "../day/day-plan.ts";
import type { DayWorld } from "../day/day-world.ts";

/** After it has said that it is ready the gateway's power goes down so much later, ms of the machine. */
const DOWN_AFTER_MS = 30;
/** What it says before is heard within this, ms of the machine, or it says nothing: without coverage. */
const HEARD_WITHIN_MS = 1000;
/** What is about to wake the van keeps it up: of a busy machine some 200 ms, in which the van would be suspended after all. */
const ABOUT_TO_MS = 10_000;
/** Before something wakes the van time passes as fast as when it is awake. */
const LAND_BEFORE_MS = 3000;

/** What puts the gateway to sleep and wakes it. */
export type DaySleepParts = {
  readonly plan: DayPlan;
  readonly speed: number;
  readonly world: DayWorld;
  readonly agent: Pick<DayAgent, "isAsleep" | "suspend" | "resume">;
  readonly heard: Pick<DayRecords, "presences">;
  readonly alarm: Pick<DayAlarm, "atMs">;
  readonly say: (what: string) => void;
};

type PlannedWake = { readonly atMs: number; readonly by: SleepFacts["wokenBy"] };

/**
 * The power of the gateway, as the integrator's power manager has it: suspends the agent's process when the agent says that it is ready, and
 * wakes it for frames on the bus, for the alarm that it has set, and for a shoulder tap.
 */
export class DaySleep {
  readonly #parts: DaySleepParts;
  #wakes: PlannedWake | undefined;
  readonly sleeps: SleepFacts[] = [];

  constructor(parts: DaySleepParts) {
    this.#parts = parts;
  }

  /** To be called again and again. */
  async look(): Promise<void> {
    const { agent, world } = this.#parts;
    if (this.#wakes === undefined) {
      if (agent.isAsleep) await this.#goDown();
      return;
    }
    if (world.nowMs() >= this.#wakes.atMs) await this.wake(this.#wakes.by);
  }

  /** Power was cut: there is nothing to wake. */
  forget(): void {
    this.#end("power");
  }

  /** Nothing happens where it is awake. */
  async wake(by: SleepFacts["wokenBy"]): Promise<void> {
    const { agent, world, say } = this.#parts;
    if (this.#wakes === undefined) return;
    this.#end(by);
    agent.resume();
    await world.resume();
    say(`woken by ${by === "bus" ? "frames" : by}`);
  }

  async #goDown(): Promise<void> {
    const { plan, speed, world, agent, heard, alarm, say } = this.#parts;
    for (let waitedMs = 0; waitedMs < HEARD_WITHIN_MS && agent.isAsleep; waitedMs += DOWN_AFTER_MS) {
      await pause(DOWN_AFTER_MS);
      if (heard.presences.at(-1)?.state === "asleep") break;
    }
    const farewell = heard.presences.at(-1);
    if (!agent.isAsleep || this.#isGettingUp(ABOUT_TO_MS)) return;
    await world.suspend();
    agent.suspend();
    const fromMs = world.nowMs();
    const next = this.#nextWake(fromMs);
    this.#wakes = next;
    this.sleeps.push({ fromMs, toMs: plan.lengthMs, wokenBy: "end", farewell, alarmMs: alarm.atMs });
    say(`asleep: ${farewell?.reason ?? "nothing said"}, next check-in ${farewell?.nextCheckInAt ?? "none"}`);
    await world.leap(next.atMs - LAND_BEFORE_MS, plan.file.asleepSpeed, speed);
  }

  /** Somebody drives, or is about to within `aheadMs`: no machine is suspended with frames that wake it on the bus. */
  #isGettingUp(aheadMs: number): boolean {
    const { plan, world } = this.#parts;
    const up = plan.trips.map(({ fromMs, toMs }) => ({ fromMs: fromMs - WAKING_MS - aheadMs, toMs }));
    return isIn(up, world.nowMs());
  }

  /** The first thing that will wake it. */
  #nextWake(fromMs: number): PlannedWake {
    const { plan, alarm } = this.#parts;
    if (this.#isGettingUp(0)) return { atMs: fromMs, by: "bus" };
    const candidates: PlannedWake[] = [{ atMs: plan.lengthMs, by: "end" }];
    const bus = plan.awake.find((span) => span.fromMs > fromMs);
    if (bus !== undefined)
      candidates.push({ atMs: bus.fromMs, by: plan.unlocksMs.includes(bus.fromMs) ? "tap" : "bus" });
    if (alarm.atMs !== undefined) candidates.push({ atMs: Math.max(alarm.atMs, fromMs), by: "alarm" });
    return candidates.reduce((first, one) => (one.atMs < first.atMs ? one : first));
  }

  #end(by: SleepFacts["wokenBy"]): void {
    const { world } = this.#parts;
    const last = this.sleeps.at(-1);
    if (this.#wakes === undefined || last === undefined) return;
    this.#wakes = undefined;
    this.sleeps[this.sleeps.length - 1] = { ...last, toMs: world.nowMs(), wokenBy: by };
  }
}
