import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { sleepLines } from "../../../../agent/cli/status-lines/sleep.ts";
import { sleepHandlers } from "../../../../agent/local-api/sleep-handlers.ts";
import type { SleepStatus } from "../../../../agent/local-api/sleep-status.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { sleepChecks } from "../../../../agent/support/sleep-checks.ts";
import type { SleepReport } from "../../../../agent/vehicle/sleep/sleep-order.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

const AWAKE: SleepStatus = {
  phase: "awake",
  sleepsInMs: 40_000,
  against: [],
  nextCheckIn: "2026-06-01T03:00:30.000Z",
  wakes: { unplanned: 2, most: 12, counts: { "can can0": 2, rtc: 1 } },
  level: "normal",
  cost: { parkedMs: 0, awakeMs: 0, asleepMs: 0, checkIns: 0, sentBytes: 0 },
  taps: { taken: 0, refused: 0 },
};

async function daemon(against: readonly string[], report?: SleepReport) {
  let asked = 0;
  const hurried: boolean[] = [];
  const sleepNow = async (isHurry = false): Promise<SleepReport> => {
    asked += 1;
    hurried.push(isHurry);
    return report ?? { outcome: "ready", tookMs: 1234, left: [] };
  };
  const handlers = sleepHandlers({ against: () => against, sleepNow }, new MemoryLog());
  const config = await serveView(servedOn("admin", handlers), "admin");
  return {
    run: (...args: readonly string[]) => runCli(["--config", config, "vehicle", "sleep", ...args]),
    asked: () => asked,
    hurried,
  };
}

describe("causeway vehicle sleep", () => {
  it("sends the agent to sleep, and says how long that took", async () => {
    const { run, asked } = await daemon([]);
    expect(await run()).toMatchObject({ exitCode: 0, stdout: "ready for sleep after 1 s\n" });
    expect(asked()).toBe(1);
  });

  it("says what had no time, and that it turned around", async () => {
    const left = await daemon([], { outcome: "ready", tookMs: 15_000, left: ["delivery"] });
    expect((await left.run()).stdout).toBe("ready for sleep after 15 s; no time for: delivery\n");
    const turned = await daemon([], { outcome: "turned-back", tookMs: 100, left: [] });
    expect((await turned.run()).stdout).toContain("turned around: the vehicle is in use");
  });

  it("does nothing while something stands against it, or with --dry-run", async () => {
    const held = await daemon(["the vehicle is driving: ignition on"]);
    expect(await held.run()).toMatchObject({ exitCode: 2, stdout: "not now: the vehicle is driving: ignition on\n" });
    const free = await daemon([]);
    expect(await free.run("--dry-run")).toMatchObject({ exitCode: 0, stdout: "nothing stands against it\n" });
    expect([held.asked(), free.asked()]).toEqual([0, 0]);
  });
});

describe("causeway vehicle sleep --hurry", () => {
  it("asks nobody, unless it is to say what stands against it", async () => {
    const { run, hurried } = await daemon(["an update is under way"]);
    expect(await run("--hurry", "--dry-run")).toMatchObject({ exitCode: 2 });
    expect(await run("--hurry")).toMatchObject({ exitCode: 0, stdout: "ready for sleep after 1 s\n" });
    expect(hurried).toEqual([true]);
  });
});

describe("sleepChecks", () => {
  it("says what keeps the vehicle from sleeping well, with the remedy", () => {
    expect(sleepChecks({ sleep: undefined })).toEqual([]);
    expect(sleepChecks({ sleep: AWAKE })).toEqual([{ check: "sleep", verdict: "pass", what: "awake" }]);
    const fault = { code: "power.denied", what: "the lock is denied", remedy: "start the socket" };
    const wakes = { unplanned: 13, most: 12, counts: {} };
    const checks = sleepChecks({ sleep: { ...AWAKE, fault, wakes, level: "guarded" } });
    expect(checks.map(({ verdict, what }) => `${verdict} ${what}`)).toEqual([
      "warn the lock is denied",
      "warn 13 wakes today, more than power.wake.wakesPerDay: 12",
      "warn the battery guard is at guarded",
    ]);
  });
});

describe("sleepChecks of a suspended system", () => {
  it("names each interface that cannot wake it", () => {
    const checks = sleepChecks({ sleep: { ...AWAKE, cannotWake: ["can0", "can2"] } });
    expect(checks).toMatchObject([
      { verdict: "warn", what: "can0 cannot wake the system: its power/wakeup is disabled" },
      { verdict: "warn", what: "can2 cannot wake the system: its power/wakeup is disabled" },
    ]);
  });
});

describe("the line of the status about sleep", () => {
  const colors = pico.createColors(false);
  const lines = (change: Partial<SleepStatus>) => sleepLines({ sleep: { ...AWAKE, ...change } }, colors);

  it("says when it sleeps, when it checks in next, and how often it was woken", () => {
    expect(lines({})).toEqual([
      "sleep      asleep-soon, sleeps in 40 s; next check-in 2026-06-01 03:00 UTC; 2 of 12 wakes today",
    ]);
    expect(lines({ sleepsInMs: 0, against: ["an update is under way: install"] })[0]).toContain(
      "asleep-soon, an update is under way: install;",
    );
    expect(lines({ phase: "asleep", nextCheckIn: undefined, wakes: { unplanned: 0, counts: {} } })).toEqual([
      "sleep      asleep; no check-in planned; 0 wakes today",
    ]);
  });

  it("says what standing costs, and who would not wait for the agent", () => {
    const cost = {
      parkedMs: 259_200_000,
      awakeMs: 840_000,
      asleepMs: 0,
      checkIns: 3,
      sentBytes: 51_200,
      milliampHours: 59.6,
    };
    const fault = { code: "power.denied", what: "no lock", remedy: "allow it" };
    expect(lines({ level: "saving", cost, fault }).slice(1)).toEqual([
      "           battery saving; parked 3 d 0 h: 3 check-ins, 14 min 0 s awake, 52 kB, about 60 mAh",
      "           no lock: allow it",
    ]);
  });

  it("is not there without the section", () => {
    expect(sleepLines({}, colors)).toEqual([]);
  });
});
