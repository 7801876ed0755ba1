import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration } from "../../../agent/core/quantity.ts";

describe("formatCount", () => {
  it("sets a space every three digits", () => {
    expect([0, 999, 1000, 1_234_567].map(formatCount)).toEqual(["0", "999", "1 000", "1 234 567"]);
  });
});

describe("formatBytes", () => {
  it("gives about three digits in powers of 1000", () => {
    expect([0, 999, 1000, 12_345, 99_960, 999_600, 256_000_000, 64e9].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "12.3 kB",
      "100 kB",
      "1.0 MB",
      "256 MB",
      "64.0 GB",
    ]);
  });
});

describe("formatDuration", () => {
  it("gives the two largest units", () => {
    const lengths = [-5, 0, 340, 999.7, 12_000, 303_000, 8_040_000, 273_600_000];
    expect(lengths.map(formatDuration)).toEqual([
      "0 ms",
      "0 ms",
      "340 ms",
      "999 ms",
      "12 s",
      "5 min 3 s",
      "2 h 14 min",
      "3 d 4 h",
    ]);
  });
});
