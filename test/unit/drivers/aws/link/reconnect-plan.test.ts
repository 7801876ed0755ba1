import { beforeEach, describe, expect, it } from "vitest";
import { ReconnectPlan } from "../../../../../drivers/aws/link/reconnect-plan.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";

let clock: ManualClock;
let stopping: AbortController;
let plan: ReconnectPlan;
let begun: string[];

beforeEach(() => {
  clock = new ManualClock();
  stopping = new AbortController();
  plan = new ReconnectPlan(clock, stopping.signal);
  begun = [];
});

describe("ReconnectPlan", () => {
  it("begins after its wait", async () => {
    plan.beginAfter(500, () => begun.push("first"));
    await clock.run(499);
    expect(begun).toEqual([]);
    await clock.run(1);
    expect(begun).toEqual(["first"]);
  });

  it("follows the newest plan alone, also a longer one", async () => {
    plan.beginAfter(100, () => begun.push("first"));
    plan.beginAfter(500, () => begun.push("second"));
    await clock.run(1000);
    expect(begun).toEqual(["second"]);
  });

  it("drops what waits when something else is begun, and says so to whoever was under way", async () => {
    plan.beginAfter(100, () => begun.push("first"));
    const isWanted = plan.renew();
    await clock.run(200);
    expect([begun, isWanted()]).toEqual([[], true]);
    plan.renew();
    expect(isWanted()).toBe(false);
  });

  it("follows no plan once it is stopped", async () => {
    const isWanted = plan.renew();
    plan.beginAfter(100, () => begun.push("first"));
    stopping.abort();
    await clock.run(200);
    expect([begun, isWanted()]).toEqual([[], false]);
  });

  it("says that nothing is wanted any more when it is stopped", () => {
    const isWanted = plan.renew();
    stopping.abort();
    expect(isWanted()).toBe(false);
  });
});
