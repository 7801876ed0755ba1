import { describe, expect, it } from "vitest";
import { SuspendRequests } from "../../../../agent/vehicle/sleep/suspend-requests.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakePowerManager } from "../../../fakes/ports/power-manager.ts";

const HOUR_MS = 3_600_000;

function createRig() {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const power = new FakePowerManager();
  const requests = new SuspendRequests({ power, clock, log });
  clock.every(1000, () => void requests.look());
  const warnings = () => log.of("sleep.not-suspended").map(({ level, facts }) => `${level} ${facts.what}`);
  return { clock, power, requests, warnings };
}

describe("SuspendRequests", () => {
  it("asks again after 60 s, and each time after twice as long, up to once an hour", async () => {
    const { clock, power, requests, warnings } = createRig();
    await requests.begin();
    const asked: number[] = [];
    for (const seconds of [59, 1, 119, 1, 239, 1]) {
      await clock.run(seconds * 1000);
      asked.push(power.suspends);
    }
    expect(asked).toEqual([1, 2, 2, 3, 3, 4]);
    await clock.run(2 * HOUR_MS);
    const before = power.suspends;
    await clock.run(10 * HOUR_MS);
    expect(power.suspends - before).toBe(10);
    expect(warnings()).toEqual(["warn the request was taken, and nothing came of it"]);
  });

  it("says once why it is refused, and goes on asking until it is not wanted any more", async () => {
    const { clock, power, requests, warnings } = createRig();
    power.trouble = "power.denied";
    await requests.begin();
    await clock.run(HOUR_MS);
    expect(warnings()).toEqual(["warn no lock"]);
    requests.end();
    power.trouble = undefined;
    await clock.run(10 * HOUR_MS);
    expect(power.suspends).toBe(0);
  });

  it("takes time in which the machine was suspended for no pause", async () => {
    const { clock, power, requests } = createRig();
    await requests.begin();
    clock.suspend(HOUR_MS);
    await clock.run(30_000);
    expect(power.suspends).toBe(1);
  });
});
