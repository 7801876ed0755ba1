import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TumblingWindow } from "../../../../agent/telemetry/expressions/tumbling-window.ts";
import { conditionBoard, expressionOf, frame, problemOf } from "./board.ts";

const SEED = 20_261_129;
const MS = 1000;

/** What a window gives by a list of all samples: those of the `back`th window before the one that is open at `nowUs`. */
function modelOf(
  samples: readonly (readonly [timeUs: number, value: number])[],
  lengthUs: number,
  back: number,
  nowUs: number,
): readonly [min: number, max: number, mean: number] | undefined {
  const [first] = samples;
  if (first === undefined) return undefined;
  const windowOf = (timeUs: number): number => Math.floor((timeUs - first[0]) / lengthUs);
  const wanted = windowOf(nowUs) - 1 - back;
  const values = samples.filter(([timeUs]) => windowOf(timeUs) === wanted).map(([, value]) => value);
  if (values.length === 0) return undefined;
  return [Math.min(...values), Math.max(...values), values.reduce((sum, one) => sum + one, 0) / values.length];
}

describe("windows that follow each other", () => {
  it(`give what a list of all samples gives (seed ${SEED})`, () => {
    const step = fc.record({
      onUs: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 5000 })),
      value: fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1000 }), fc.array(step, { maxLength: 60 }), (lengthUs, steps) => {
        const window = new TumblingWindow(lengthUs);
        const samples: (readonly [number, number])[] = [];
        let nowUs = 1_000_000;
        for (const { onUs, value } of steps) {
          nowUs += onUs;
          if (value !== undefined) {
            samples.push([nowUs, value]);
            window.add(nowUs, value);
          }
          for (const back of [0, 1] as const) {
            const read = (what: "tumblingMin" | "tumblingMax" | "tumblingMean") => window.read(what, back, nowUs);
            const [min, max, mean] = modelOf(samples, lengthUs, back, nowUs) ?? [Number.NaN, Number.NaN, Number.NaN];
            // The sums are whole, and so the means are the same to the last bit.
            expect([read("tumblingMin"), read("tumblingMax"), read("tumblingMean")]).toEqual([min, max, mean]);
          }
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("begin anew after they were cleared, and say when they are to be looked at", () => {
    const window = new TumblingWindow(100);
    expect(window.nextChangeUs()).toBe(Number.POSITIVE_INFINITY);
    window.add(1000, 5);
    expect(window.nextChangeUs()).toBe(1100);
    expect(window.read("tumblingMin", 0, 1100)).toBe(5);
    window.clear();
    expect(window.nextChangeUs()).toBe(Number.POSITIVE_INFINITY);
    window.add(500, 7);
    expect(window.read("tumblingMean", 0, 600)).toBe(7);
    expect(window.read("tumblingMean", 1, 700)).toBe(7);
    expect(window.read("tumblingMean", 1, 800)).toBeNaN();
  });

  it("make a condition true when a window closes, without another sample", () => {
    const { board, results } = conditionBoard('tumblingMax(x, duration("1s")) > 10.0');
    frame(board, 0, 20, 5000 * MS);
    frame(board, 0, 3, 5500 * MS);
    board.tick(5999 * MS);
    expect(results.at(-1)?.result).toBeNaN();
    board.tick(6000 * MS);
    expect(results.at(-1)).toEqual({ result: 1, timeUs: 6000 * MS });
    board.tick(7500 * MS);
    expect(results.at(-1)?.result).toBeNaN();
  });

  it("compare the last window with the one before", () => {
    const { board, results } = conditionBoard('tumblingMean(x, duration("1s")) > tumblingMean(x, duration("1s"), 1)');
    for (const [atMs, value] of [
      [0, 1],
      [500, 3],
      [1200, 5],
      [2100, 0],
    ]) {
      frame(board, 0, value, (10_000 + atMs) * MS);
    }
    expect(results.at(-1)?.result).toBe(1);
  });

  it("cost no memory that counts, and are checked like other windows", () => {
    const { operands } = expressionOf('tumblingMin(x, duration("10s")) > tumblingMin(x, duration("10s"), 1)');
    expect(operands.map(({ name }) => name)).toEqual([
      'tumblingMin(x, duration("10s"))',
      'tumblingMin(x, duration("10s"), 1)',
    ]);
    expect(problemOf("tumblingMin(x) > 1.0")).toMatch(/^tumblingMin\(\) takes a name and a duration/);
    expect(problemOf('tumblingMin(x, duration("2h")) > 1.0')).toMatch(
      /^a window is at least 1 ms and at most 1 h long/,
    );
    expect(problemOf('tumblingMin(x, duration("1s"), 2) > 1.0')).toMatch(/^the third argument is 0 .* @ 2\) > 1.0$/);
    expect(problemOf('tumblingMin(flag, duration("1s")) > 1.0')).toMatch(/^tumblingMin\(\) takes a number @ flag/);
  });
});
