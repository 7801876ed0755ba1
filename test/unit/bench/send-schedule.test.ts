import { describe, expect, it } from "vitest";
import { SendSchedule } from "../../bench/vehicle/send-schedule.ts";

describe("the vehicle's schedule", () => {
  it("sends as many frames as the periods ask for, whatever the ticks", () => {
    const schedule = new SendSchedule([5, 10, 100]);
    const counts = [0, 0, 0];
    for (let ms = 0; ms <= 10_000; ms += 7.3) {
      for (const { message, n } of schedule.take(ms, 1000)) {
        expect(n).toBe(counts[message]);
        counts[message] += 1;
      }
    }
    expect(counts[0]).toBeGreaterThanOrEqual(1999);
    expect(counts[0]).toBeLessThanOrEqual(2001);
    expect(counts[1]).toBeGreaterThanOrEqual(999);
    expect(counts[2]).toBeGreaterThanOrEqual(99);
  });

  it("catches up after a stall in bounded bursts, in time order, without leaving a frame out", () => {
    const schedule = new SendSchedule([5, 10]);
    const first = schedule.take(1000, 50);
    expect(first).toHaveLength(50);
    const rest = Array.from({ length: 10 }, () => schedule.take(1000, 50)).flat();
    const all = [...first, ...rest];
    expect(all).toHaveLength(301);
    const numbers = all.filter(({ message }) => message === 0).map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  it("has nothing to send before its time", () => {
    expect(new SendSchedule([5]).take(-1, 100)).toEqual([]);
  });
});
