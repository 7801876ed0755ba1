import { describe, expect, it } from "vitest";
import { drawn, slicesOf } from "../../bench/benchmarks/start-timeline.ts";

const RUNS = [
  { asked: 0, main: 40, loaded: 100, puback: 200, online: 180 },
  { asked: 0, main: 50, loaded: 120, puback: 240, online: 210 },
  { asked: 0, main: 60, loaded: 160, puback: 250, online: 200 },
];

describe("the timeline of a start", () => {
  it("gives the middle of all runs with their range, and leaves out what some run does not tell", () => {
    const slices = slicesOf([...RUNS.slice(0, 2), { ...RUNS[2], key: 170, link: 165 }]);
    expect(slices.map(({ name }) => name)).toEqual(["exec and Node", "bundles loaded", "PUBLISH to PUBACK"]);
    expect(slices[1]?.tookMs).toEqual({ median: 70, min: 60, max: 100 });
    expect(slices[2]?.fromMs).toEqual({ median: 200, min: 180, max: 210 });
  });

  it("draws each slice where it was", () => {
    const [title, first, second, last] = drawn("a start", slicesOf(RUNS)).split("\n");
    expect(title).toBe("a start: 0 to 240 ms, median (min to max) ms of each");
    expect(first?.indexOf("█")).toBeLessThan(second?.indexOf("█") ?? 0);
    expect(last?.trimEnd().endsWith("30 (20 to 50)")).toBe(true);
  });
});
