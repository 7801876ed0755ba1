import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DayClock } from "../../../bench/day/day-clock.ts";
import { type Timeline, vehicleMsAt } from "../../../bench/day/timeline.ts";

const LINE: Timeline = {
  startsAtMs: Date.UTC(2026, 5, 1),
  paces: [{ fromMs: 0, speed: 60 }],
  clocks: [{ fromMs: 0, offMs: 0, quality: "ntp" }],
  bootedAtMs: 0,
  suspends: [],
  waits: false,
};
let machineMs = 0;
let pulse = { vehicleMs: 0, machineMs: 0 };
let clock: DayClock;

/** Lets the machine's time pass, a millisecond at a time, with or without a pulse at each. */
async function pass(ms: number, hasPulse = true): Promise<void> {
  for (let at = 0; at < ms; at += 1) {
    machineMs += 1;
    if (hasPulse) pulse = { vehicleMs: vehicleMsAt(LINE, pulse, machineMs), machineMs };
    await vi.advanceTimersByTimeAsync(1);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  machineMs = 0;
  pulse = { vehicleMs: 0, machineMs: 0 };
  clock = new DayClock(LINE, { pulse: () => pulse, machineMs: () => machineMs });
});
afterEach(() => void vi.useRealTimers());

describe("the agent's clock on a day of the bench", () => {
  it("runs as many times faster as the timeline says, all of it", async () => {
    const ticks: number[] = [];
    clock.every(3000, () => ticks.push(clock.monotonicMs()));
    let isOver = false;
    void clock.sleep(9000).then(() => {
      isOver = true;
    });
    await pass(149);
    expect(isOver).toBe(false);
    await pass(1);
    expect(isOver).toBe(true);
    expect(ticks).toEqual([3000, 6000, 9000]);
    expect([clock.wallUs(), clock.boottimeMs()]).toEqual([(LINE.startsAtMs + 9000) * 1000, 9000]);
  });

  it("stands while suspended but for the time since the boot, and what was due then comes afterwards", async () => {
    let isOver = false;
    void clock.sleep(6000).then(() => {
      isOver = true;
    });
    await pass(50);
    clock.follow({ ...LINE, suspends: [{ fromMs: 3000 }] });
    await pass(1000);
    expect([isOver, clock.monotonicMs(), clock.boottimeMs()]).toEqual([false, 3000, 63_000]);
    clock.follow({ ...LINE, suspends: [{ fromMs: 3000, toMs: 63_000 }] });
    await pass(49);
    expect(isOver).toBe(false);
    await pass(1);
    expect([isOver, clock.monotonicMs(), clock.boottimeMs()]).toEqual([true, 6000, 66_000]);
  });

  it("reads the same moment until it awaits", async () => {
    const before = clock.monotonicMs();
    machineMs += 5;
    expect(clock.monotonicMs()).toBe(before);
    await setImmediate();
    expect(clock.monotonicMs()).toBe(before + 300);
  });

  it("waits, and wakes nobody, while no pulse comes", async () => {
    let isOver = false;
    void clock.sleep(3000).then(() => {
      isOver = true;
    });
    await pass(500, false);
    expect([isOver, clock.monotonicMs()]).toEqual([false, 600]);
    await pass(41);
    expect([isOver, clock.monotonicMs()]).toEqual([true, 3000]);
  });

  it("does not go back when a slower pace is told late", async () => {
    await pass(10);
    const before = clock.monotonicMs();
    clock.follow({ ...LINE, paces: [{ fromMs: 0, speed: 1 }] });
    pulse = { vehicleMs: 500, machineMs };
    expect([before, clock.monotonicMs()]).toEqual([600, 600]);
  });

  it("wakes a sleeper whose signal aborts, and forgets it", async () => {
    const ending = new AbortController();
    const slept = clock.sleep(1e9, ending.signal);
    ending.abort();
    await slept;
    expect(vi.getTimerCount()).toBe(0);
  });
});
