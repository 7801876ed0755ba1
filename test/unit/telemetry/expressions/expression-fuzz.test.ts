import { describe, expect, it } from "vitest";
import { fuzzExpressions } from "../../../bench/benchmarks/expression-fuzz.ts";

const SEED = 14;

describe("compileExpression of anything", () => {
  it(`refuses 100,000 texts with a place or evaluates them, soon and without a crash (seed ${SEED})`, () => {
    const heapBefore = process.memoryUsage().heapUsed;
    const { texts, fit, slowestMs, failures } = fuzzExpressions(100_000, SEED);
    const grownMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6;
    console.info(
      `${texts} texts, ${fit} fit, slowest ${slowestMs.toFixed(1)} ms, heap ${grownMb.toFixed(0)} MB larger`,
    );
    expect(failures).toEqual([]);
    expect(fit).toBeGreaterThan(1000);
    expect(slowestMs).toBeLessThan(500);
    expect(grownMb).toBeLessThan(200);
  }, 60_000);
});
