import { describe, expect, it } from "vitest";
import { ReportPace } from "../../../agent/shadows/report-pace.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

describe("ReportPace", () => {
  it("keeps them apart, and the first one from the start, over a suspend too", () => {
    const clock = new ManualClock();
    const pace = new ReportPace({ minMs: 60_000, perDay: 10 }, clock);
    expect(pace.waitMs()).toBe(60_000);
    clock.advance(60_000);
    expect(pace.waitMs()).toBe(0);
    pace.note();
    clock.advance(20_000);
    expect(pace.waitMs()).toBe(40_000);
    clock.suspend(40_000);
    expect(pace.waitMs()).toBe(0);
  });

  it("lets so many pass in 24 hours from the first one on", () => {
    const clock = new ManualClock();
    const pace = new ReportPace({ minMs: 1000, perDay: 2 }, clock);
    pace.note();
    clock.advance(3_600_000);
    pace.note();
    expect(pace.usedToday()).toBe(2);
    expect(pace.waitMs()).toBe(23 * 3_600_000);
    clock.advance(23 * 3_600_000);
    expect([pace.waitMs(), pace.usedToday()]).toEqual([0, 0]);
    pace.note();
    expect(pace.usedToday()).toBe(1);
  });

  it("counts none that was not taken, and begins no new day by that", () => {
    const clock = new ManualClock();
    const pace = new ReportPace({ minMs: 1000, perDay: 1 }, clock);
    pace.note();
    pace.giveBack();
    expect([pace.usedToday(), pace.waitMs()]).toEqual([0, 1000]);
    clock.advance(3_600_000);
    pace.note();
    expect(pace.waitMs()).toBe(23 * 3_600_000);
  });

  it("holds what is urgent neither after the start nor by the budget, but keeps two apart", () => {
    const clock = new ManualClock();
    const pace = new ReportPace({ minMs: 60_000, perDay: 1 }, clock);
    expect(pace.urgentWaitMs()).toBe(0);
    pace.noteUrgent();
    expect([pace.urgentWaitMs(), pace.usedToday()]).toEqual([60_000, 1]);
    clock.advance(60_000);
    expect(pace.urgentWaitMs()).toBe(0);
    expect(pace.waitMs()).toBeGreaterThan(0);
  });
});
