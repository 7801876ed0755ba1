import { describe, expect, it } from "vitest";
import { row } from "../../../scripts/benchmarks/figures.ts";
import { inTurns, ratiosOf, scaled, spreadOf } from "../../bench/benchmarks/timing.ts";

describe("figures of several rounds", () => {
  it("are the middle one with the least and the most", () => {
    expect(spreadOf([5, 1, 4, 2, 9])).toEqual({ median: 4, min: 1, max: 9 });
    expect(scaled({ median: 4, min: 1, max: 9 }, 0.5)).toEqual({ median: 2, min: 0.5, max: 4.5 });
  });

  it("are compared within each round", () => {
    // The second round met a busy machine: medians alone would say 30 to 10.
    expect(ratiosOf([10, 300, 30], [10, 100, 5])).toEqual({ median: 3, min: 1, max: 6 });
  });

  it("are taken in turns, the first round not counted", () => {
    const order: string[] = [];
    const run = (name: string) => (): number => order.push(name);
    const [a, b] = inTurns(2, [run("a"), run("b")]);
    expect(order.join("")).toBe("ababab");
    expect(a).toEqual([3, 5]);
    expect(b).toEqual([4, 6]);
  });

  it("hold the median to the goal, not the best", () => {
    const figure = { median: 3, min: 1, max: 4 };
    expect(row("part", "what", figure, "ns", { atMost: 2 })).toMatchObject({ measured: 3, min: 1, max: 4, met: false });
    expect(row("part", "what", figure, "ns", { atLeast: 3.5 })).toMatchObject({ met: false });
    expect(row("part", "what", figure, "ns", { atMost: 3 })).toMatchObject({ met: true });
  });
});
