import { describe, expect, it } from "vitest";
import { ratesOf } from "../../bench/cloud-consumer/worker-rates.ts";

const DONE = { records: 2000, samples: 3_400_000 };

describe("ratesOf", () => {
  it("gives rates that come to what was done over their time", () => {
    expect(ratesOf(DONE, { seconds: 4, cpuSeconds: 5 }, 2)).toEqual({
      recordsPerSecond: 500,
      samplesPerSecond: 850_000,
      recordsPerCoreSecond: 400,
      samplesPerCoreSecond: 680_000,
    });
  });

  it("takes a full machine for possible, and a tick over it", () => {
    expect(ratesOf(DONE, { seconds: 4, cpuSeconds: 8.02 }, 2).recordsPerSecond).toBe(500);
  });

  it("refuses more than the cores can do", () => {
    expect(() => ratesOf(DONE, { seconds: 1, cpuSeconds: 4 }, 2)).toThrow(
      "2000 records/s are more than 2 cores can do, which is 1000: the workers spent 4.00 s of CPU time in 1.00 s",
    );
  });
});
