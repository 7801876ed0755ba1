import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchmarkStopped } from "../../bench/benchmarks/wake-benchmark.ts";
import type { Child } from "../../bench/core/child.ts";
import { FRAMES } from "../../bench/vehicle/door-vehicle.ts";
import { SleepingVehicle } from "../../bench/vehicle/sleeping-vehicle.ts";

const PATIENCE_MS = 20_000;

describe("a vehicle that sleeps and wakes, with a real broker", () => {
  let folder: string;
  let vehicle: SleepingVehicle;
  let agent: Child;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-sleep-"));
    vehicle = await SleepingVehicle.start(folder);
    agent = await vehicle.startAgent();
  }, PATIENCE_MS);
  afterAll(async () => {
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  it("says goodbye, stays away, and on waking acts once on a command that waited and not on one that has expired", async () => {
    const { unit, cloud } = vehicle.doors;
    expect(await vehicle.against()).toEqual(["it has been awake for less than 5 s"]);
    vehicle.said.length = 0;
    expect((await vehicle.sleep()).report).toMatchObject({ outcome: "ready", left: [] });
    unit.isSilent = true;
    const asleep = await vehicle.status();
    expect([asleep.sleep?.phase, asleep.link.state, asleep.link.isPaused]).toEqual(["asleep", "offline", true]);
    await vehicle.until("the goodbye", () => vehicle.said.length > 0);
    expect(vehicle.said).toEqual([{ state: "asleep", reason: "asked", nextCheckInAt: asleep.sleep?.nextCheckIn }]);
    const command = (expiresInMs: number) => {
      const request = vehicle.doors.signed("doors.lock", { expiresAtMs: Date.now() + expiresInMs });
      return cloud.commands.startExecution({
        command: { format: "json", template: JSON.stringify(request) },
        thing: "veh-1",
        executionTimeoutSeconds: 60,
      });
    };
    const live = await command(60_000);
    const dead = await command(1500);
    await sleep(2500);
    expect([live.status, dead.status, unit.frames.commands]).toEqual(["CREATED", "CREATED", 0]);
    unit.isSilent = false;
    await vehicle.until(
      "both commands have an end",
      () => live.status !== "CREATED" && dead.status !== "CREATED" && live.status !== "IN_PROGRESS",
    );
    expect([live.status, dead.status, dead.reason?.reasonCode]).toEqual([
      "SUCCEEDED",
      "TIMED_OUT",
      "TIMED_OUT_BEFORE_DISPATCH",
    ]);
    expect([unit.frames.commands, unit.isLocked]).toEqual([FRAMES, true]);
    const { sleep: awake } = await vehicle.status();
    expect(awake).toMatchObject({ phase: "awake", wakes: { unplanned: 1, counts: { "can can0": 1 } } });
  }, 40_000);

  it("is back at once after it was stopped, though its connection died without a word meanwhile", async () => {
    const figures = await benchmarkStopped(vehicle, agent, { rounds: 1, stoppedMs: 4000 });
    const { onlineMs, recordMs } = figures;
    console.log(
      `stopped for 4 s, the connection dead: online after ${onlineMs.median} ms, a record acknowledged after ${recordMs.median} ms`,
    );
    expect(vehicle.events).toContain("sleep.process-stopped");
    expect(onlineMs.max).toBeLessThan(10_000);
    expect(recordMs.max).toBeLessThan(10_000);
  }, 40_000);

  it("ends in order when it is told to in the middle of going to sleep", async () => {
    await vehicle.until("nothing stands against sleep", async () => (await vehicle.against()).length === 0);
    // Nothing is acknowledged any more, and the way to sleep waits for that.
    vehicle.proxy.blackhole();
    const answer = vehicle.sleep().catch(() => undefined);
    await vehicle.until("it is on its way to sleep", async () => (await vehicle.status()).sleep?.phase === "going");
    agent.signal("SIGTERM");
    const { code } = await agent.ended;
    await vehicle.proxy.restore();
    await answer;
    expect(code).toBe(0);
    expect(vehicle.events.at(-1)).toBe("agent.stopped");
  }, 40_000);
});
