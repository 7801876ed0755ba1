import { describe, expect, it } from "vitest";
import { benchDrive, benchmarkBytes } from "../../bench/benchmarks/campaign-bytes.ts";

describe("the benchmark of campaigns", () => {
  it("finds that a curve sends fewer samples than each change, and each change fewer than all", () => {
    const [all, seldom, changes, curve] = benchmarkBytes(benchDrive(10));
    expect(all.samples).toBeGreaterThan(changes.samples);
    expect(changes.samples).toBeGreaterThan(curve.samples);
    expect(seldom.bytesPerDay).toBeLessThan(all.bytesPerDay);
    expect(all.bytesPerDay).toBeCloseTo((all.bytes * 86_400) / 10, -7);
  });
});
