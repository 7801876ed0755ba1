import { describe, expect, it } from "vitest";
import { LiveMarks } from "../../../../agent/telemetry/publish/live-marks.ts";

describe("LiveMarks", () => {
  it("tells the newest row that has waited ten seconds, once", () => {
    const marks = new LiveMarks();
    expect([marks.note(0, 5), marks.note(9000, 7), marks.note(9999, 8)]).toEqual([undefined, undefined, undefined]);
    expect([marks.note(10_000, 9), marks.note(10_001, 9)]).toEqual([5, undefined]);
  });

  it("passes over those between, where the loop had no turn for long", () => {
    const marks = new LiveMarks();
    for (const atMs of [0, 1000, 2000]) marks.note(atMs, atMs);
    expect(marks.note(60_000, 60_000)).toBe(2000);
  });

  it("begins anew with a connection", () => {
    const marks = new LiveMarks();
    marks.note(0, 5);
    marks.clear();
    expect(marks.note(10_000, 9)).toBeUndefined();
  });
});
