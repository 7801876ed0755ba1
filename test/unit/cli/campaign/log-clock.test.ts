import { describe, expect, it } from "vitest";
import { LogClock } from "../../../../agent/cli/campaign/log-clock.ts";

const T0 = 1_735_270_496_000_000;

describe("LogClock", () => {
  it("fires timers at the times at which they are due, before time goes on", () => {
    const clock = new LogClock(T0);
    const seen: string[] = [];
    clock.every(250, () => seen.push(`a ${clock.monotonicMs()} ${clock.wallUs() - T0}`));
    clock.every(400, () => seen.push(`b ${clock.monotonicMs()} ${clock.wallUs() - T0}`));
    clock.advanceTo(T0 + 800_000);
    expect(seen).toEqual(["a 250 250000", "b 400 400000", "a 500 500000", "a 750 750000", "b 800 800000"]);
    expect([clock.monotonicMs(), clock.wallUs()]).toEqual([800, T0 + 800_000]);
  });

  it("stands still for frames that are out of order, so that disorder does not add up", () => {
    const clock = new LogClock(T0);
    for (let at = 1; at <= 100; at++) {
      clock.advanceTo(T0 + at * 1000);
      clock.advanceTo(T0 + at * 1000 - 700);
    }
    expect([clock.monotonicMs(), clock.wallUs()]).toEqual([100, T0 + 100_000]);
  });

  it("sets the wall clock back where the log was made by a clock that was, and goes on from there", () => {
    const clock = new LogClock(T0);
    clock.advanceTo(T0 + 5_000_000);
    clock.advanceTo(T0 - 3_600_000_000);
    expect([clock.monotonicMs(), clock.wallUs()]).toEqual([5000, T0 - 3_600_000_000]);
    clock.advanceTo(T0 - 3_599_000_000);
    expect([clock.monotonicMs(), clock.wallUs()]).toEqual([6000, T0 - 3_599_000_000]);
  });

  it("passes a gap of years with few ticks, each at most a thousandth of the gap so far late", () => {
    const clock = new LogClock(T0);
    let ticks = 0;
    let before = 0;
    let worst = 0;
    clock.every(250, () => {
      ticks += 1;
      const late = clock.monotonicMs() - before - 250;
      worst = Math.max(worst, late / Math.max(250, clock.monotonicMs()));
      before = clock.monotonicMs();
    });
    clock.advanceTo(T0 + 5 * 365 * 86_400_000_000);
    expect(ticks).toBeLessThan(20_000);
    expect(worst).toBeLessThanOrEqual(0.001);
    expect(clock.wallUs()).toBe(T0 + 5 * 365 * 86_400_000_000);
    const after = ticks;
    clock.advanceTo(clock.wallUs() + 1e12);
    expect(ticks).toBeGreaterThan(after);
  });

  it("stops a timer", () => {
    const clock = new LogClock(T0);
    let ticks = 0;
    const stop = clock.every(100, () => {
      ticks += 1;
      if (ticks === 2) stop();
    });
    clock.advanceTo(T0 + 1_000_000);
    expect(ticks).toBe(2);
  });
});
