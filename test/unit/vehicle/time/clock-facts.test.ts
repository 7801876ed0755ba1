import { describe, expect, it } from "vitest";
import { type ClockEvidence, judgeClock } from "../../../../agent/vehicle/time/clock-facts.ts";
import { readingOf } from "../../../fakes/vehicle/clock-keepers.ts";

function judged(change: Partial<ClockEvidence>) {
  const evidence = {
    quality: "ntp",
    kernelErrorUs: 2500,
    readings: [],
    before: undefined,
    nowMs: 0,
    driftPpm: 50,
  } as const;
  return judgeClock({ ...evidence, ...change });
}

describe("judgeClock", () => {
  it("takes the first keeper that has the time, and its error", () => {
    const readings = [readingOf({ state: "searching", errorMs: undefined }), readingOf({ keeper: "ntp", errorMs: 7 })];
    expect(judged({ readings })).toEqual({ quality: "ntp", source: "ntp", errorMs: 7, detail: readings[1]?.detail });
  });

  it("says gps where a receiver is behind it, and ptp where a clock on the network is", () => {
    const gps = readingOf({ reference: "gps", errorMs: 0.3, detail: "reference clock GPS" });
    expect(judged({ readings: [gps] })).toEqual({
      quality: "gps",
      source: "gps",
      errorMs: 0.3,
      detail: "chrony: reference clock GPS",
    });
    const ptp = readingOf({ keeper: "ptp", reference: "ptp", errorMs: undefined, detail: "ptp4l" });
    expect(judged({ readings: [ptp] })).toMatchObject({ quality: "ntp", source: "ptp", errorMs: 2.5 });
  });

  it("believes the kernel alone where nobody that it knows runs", () => {
    expect(judged({})).toEqual({ quality: "ntp", source: "unknown", errorMs: 2.5, detail: "" });
  });

  it("lets the error grow with the drift while nobody keeps the clock", () => {
    const before = { source: "chrony", errorMs: 3, atMs: 1000 } as const;
    // An hour at 50 ppm is 180 ms.
    expect(judged({ quality: "rtc", before, nowMs: 3_601_000 })).toEqual({
      quality: "rtc",
      source: "chrony",
      errorMs: 183,
      detail: "nobody keeps it now",
    });
    const coasting = judged({
      before,
      nowMs: 3_601_000,
      readings: [readingOf({ state: "searching", detail: "none yet" })],
    });
    expect(coasting).toEqual({ quality: "ntp", source: "chrony", errorMs: 183, detail: "chrony: none yet" });
  });

  it("knows no error of a clock from the RTC, a file or nobody", () => {
    expect(judged({ quality: "rtc" })).toEqual({
      quality: "rtc",
      source: "rtc",
      errorMs: undefined,
      detail: "nobody keeps it",
    });
    expect(judged({ quality: "saved" })).toMatchObject({ source: "saved", errorMs: undefined });
    const searching = [readingOf({ keeper: "timesyncd", state: "searching", detail: "no server has answered yet" })];
    expect(judged({ quality: "unsynchronised", readings: searching })).toMatchObject({
      source: "none",
      errorMs: undefined,
      detail: "timesyncd: no server has answered yet",
    });
  });

  it("does not believe a clock that a keeper knows better than it is: it was not set by it", () => {
    const facts = judged({ quality: "unsynchronised", readings: [readingOf({ errorMs: 1e9 })] });
    expect(facts).toMatchObject({ quality: "unsynchronised", source: "none", errorMs: 1e9 });
    expect(facts.detail).toBe("chrony knows the time, and has not set the clock");
  });

  it("forgets what was known before where the clock went back to what nobody set", () => {
    const before = { source: "chrony", errorMs: 3, atMs: 0 } as const;
    expect(judged({ quality: "saved", before })).toMatchObject({ source: "saved", errorMs: undefined });
  });
});
