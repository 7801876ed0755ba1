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
    let bytes = Number.POSITIVE_INFINITY;
    // Numbers are boxed until all is compiled, which a busy machine puts off; an object an evaluation would stay, as 220 bytes and more.
    for (let tries = 0; tries < 100 && bytes > 50; tries++) bytes = Math.abs(conditionGarbage(10, "changing", 20_000));
    console.info(`${bytes.toFixed(2)} bytes a frame with 11 evaluations`);
    expect(bytes).toBeLessThanOrEqual(50);
  });
});
