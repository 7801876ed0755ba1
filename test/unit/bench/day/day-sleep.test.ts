import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PresenceHeard } from "../../../bench/consumers/day/day-records.ts";
import { type DayPlan, loadDay } from "../../../bench/day/day-plan.ts";
import { DayWorld } from "../../../bench/day/day-world.ts";
import { PulseFile } from "../../../bench/day/pulse-file.ts";
import { machineNowMs } from "../../../bench/day/timeline.ts";
import { DaySleep } from "../../../bench/run/day-sleep.ts";

const STARTS_AT_MS = Date.UTC(2026, 5, 1, 6);

let plan: DayPlan;
let pulse: PulseFile;
let world: DayWorld;
let signals: string[];
let agent: { isAsleep: boolean; suspend(): void; resume(): void };
let presences: PresenceHeard[];
let alarm: { atMs: number | undefined };
let sleep: DaySleep;

/** Vehicle time is then, for a moment at least. */
const at = (vehicleMs: number): void => pulse.write({ vehicleMs, machineMs: machineNowMs() });

beforeEach(async () => {
  plan = await loadDay("short");
  pulse = PulseFile.create();
  world = new DayWorld(STARTS_AT_MS, 1, pulse);
  signals = [];
  presences = [];
  alarm = { atMs: undefined };
  agent = {
    isAsleep: false,
    suspend: () => void signals.push("stop"),
    resume: () => {
      signals.push("go on");
      agent.isAsleep = false;
    },
  };
  sleep = new DaySleep({ plan, speed: 60, world, agent, heard: { presences }, alarm, say: () => undefined });
});
afterEach(() => pulse.remove());

/** The agent has set its alarm and says that it sleeps. */
function sayAsleep(heardMs: number, checkInMs: number): void {
  const at = new Date(STARTS_AT_MS + heardMs).toISOString();
  presences.push({ state: "asleep", at, heardMs, bootId: "1", reason: "asleep-soon" });
  alarm.atMs = checkInMs;
  agent.isAsleep = true;
}

describe("the power of the gateway on a day", () => {
  it("leaves an agent alone that has not said that it is ready", async () => {
    at(90_000);
    await sleep.look();
    expect([signals, sleep.sleeps]).toEqual([[], []]);
  });

  it("suspends one that has, lets time pass quickly, and wakes it for its check-in", async () => {
    at(90_000);
    sayAsleep(90_000, 400_000);
    await sleep.look();
    expect(signals).toEqual(["stop"]);
    expect(world.line.suspends).toHaveLength(1);
    expect(world.line.paces.slice(-2)).toMatchObject([{ speed: 600 }, { fromMs: 397_000, speed: 60 }]);
    at(399_000);
    await sleep.look();
    expect(signals).toEqual(["stop"]);
    at(400_000);
    await sleep.look();
    expect(signals).toEqual(["stop", "go on"]);
    expect(world.line.suspends[0]?.toMs).toBeGreaterThanOrEqual(400_000);
    expect(sleep.sleeps).toMatchObject([{ wokenBy: "alarm" }]);
  });

  it.each([
    ["frames on the bus", () => plan.trips[0].fromMs - 5000, "bus"],
    ["a shoulder tap", () => plan.unlocksMs[0], "tap"],
  ] as const)("wakes it for %s before its check-in", async (_what, when, wokenBy) => {
    at(when() - 60_000);
    sayAsleep(when() - 60_000, when() + 600_000);
    await sleep.look();
    at(when() + 10);
    await sleep.look();
    expect(sleep.sleeps).toMatchObject([{ wokenBy }]);
  });

  it("does not suspend one whose bus has begun to speak for a trip, or is about to", async () => {
    const [trip] = plan.trips;
    sayAsleep(trip.fromMs - 14_000, trip.toMs + 600_000);
    for (const aheadMs of [14_000, 4000, -60_000]) {
      at(trip.fromMs - aheadMs);
      await sleep.look();
    }
    expect([signals, sleep.sleeps]).toEqual([[], []]);
    at(trip.fromMs - 16_000);
    await sleep.look();
    expect(signals.at(-1)).toBe("stop");
  });

  it("wakes one at once whose bus begins to speak while it is suspended", async () => {
    const [trip] = plan.trips;
    at(trip.fromMs - 16_000);
    sayAsleep(trip.fromMs - 16_000, trip.toMs + 600_000);
    world.add(async () => at(trip.fromMs - 4000));
    await sleep.look();
    await sleep.look();
    expect(signals).toEqual(["stop", "go on"]);
    expect(sleep.sleeps).toMatchObject([{ wokenBy: "bus" }]);
  });

  it("has nothing to wake once power was cut", async () => {
    at(90_000);
    sayAsleep(90_000, 400_000);
    await sleep.look();
    sleep.forget();
    agent.isAsleep = false;
    at(500_000);
    await sleep.look();
    expect(signals).toEqual(["stop"]);
    expect(sleep.sleeps).toMatchObject([{ wokenBy: "power" }]);
  });
});
