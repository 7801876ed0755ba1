import { describe, expect, it } from "vitest";
import { benchmarkConditions, conditionGarbage } from "../../../bench/benchmarks/condition-benchmark.ts";

describe("conditions on the frame path", () => {
  it.each(["absent", "steady"] as const)(
    "costs the same with 1,000 idle conditions as with one (%s inputs)",
    (load) => {
      const costs = benchmarkConditions(load, [1, 1000], 4000);
      const [, thousand] = costs;
      console.info(
        costs.map(({ conditions, frameNs }) => `${conditions} ${load}: ${frameNs.toFixed(0)} ns a frame`).join(", "),
      );
      // 1.0 to 1.5 on a machine that does nothing else; each condition evaluated would make it some hundred.
      expect(thousand.ratio).toBeLessThan(6);
    },
  );

  it("makes no object an evaluation", () => {
    const tries = Array.from({ length: 10 }, () => Math.abs(conditionGarbage(10, "changing", 50_000)));
    const bytes = Math.min(...tries);
    console.info(`${bytes.toFixed(2)} bytes a frame with 11 evaluations`);
    // 0 once all is compiled; before that the time of a frame may be boxed. An object an evaluation would be 220 and more.
    expect(bytes).toBeLessThan(100);
  });
});
