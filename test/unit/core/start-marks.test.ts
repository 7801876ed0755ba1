import { describe, expect, it } from "vitest";
import { StartMarks } from "../../../agent/core/start-marks.ts";

describe("StartMarks", () => {
  it("tells when each moment was for the first time, and nothing of those that have not been", () => {
    let nowMs = 100;
    const marks = new StartMarks({ monotonicMs: () => nowMs });
    marks.note("main");
    nowMs = 130;
    marks.note("outbox");
    marks.note("main");
    expect(marks.facts()).toEqual({ mainMs: 100, outboxMs: 130 });
  });
});
