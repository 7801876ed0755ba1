import { describe, expect, it } from "vitest";
import { benchmarkHistory } from "../../bench/benchmarks/history-benchmark.ts";

/** The goal: 30 s at 8,000 frames/s in 32 MB. */
const GOAL = { maxBytes: 32_000_000, seconds: 30, framesPerSecond: 8000 } as const;

describe("the benchmark of the history", () => {
  it.each([
    ["classic frames", 8, 24],
    ["the longest frames of CAN FD", 64, 80],
  ])(
    "finds that 30 s of 8,000 %s a second fit in 32 MB, and that none is on the heap",
    async (_, dataBytes, frameBytes) => {
      const figures = await benchmarkHistory({ ...GOAL, dataBytes });
      expect(figures).toMatchObject({ frames: 240_000, usedBytes: 240_000 * frameBytes, overwrittenEarly: 0 });
      expect(figures.bytes).toBeLessThanOrEqual(GOAL.maxBytes);
      expect(figures.heldSeconds).toBeCloseTo(30, 3);
      // A byte a frame on the heap would be 240,000 more with each round.
      expect(figures.heapGrowthBytes).toBeLessThan(240_000);
    },
  );
});
