import { describe, expect, it } from "vitest";
import { backoffMs, fullJitterMs } from "../../../agent/core/backoff.ts";

const BOUNDS = { minMs: 500, maxMs: 3000 };

describe("backoffMs", () => {
  it("doubles from the least delay up to the longest, also after thousands of retries", () => {
    expect([0, 1, 2, 3, 4, 5000].map((attempt) => backoffMs(attempt, BOUNDS))).toEqual([
      500, 1000, 2000, 3000, 3000, 3000,
    ]);
  });
});

describe("fullJitterMs", () => {
  it("spreads over everything from no delay to the longest of its attempt", () => {
    const delays = [0, 0.5, 0.999].map((random) => fullJitterMs(1, BOUNDS, () => random));
    expect(delays).toEqual([0, 500, 999]);
  });
});
