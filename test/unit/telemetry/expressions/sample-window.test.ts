import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WINDOW_FUNCTIONS, type WindowFunction } from "../../../../agent/telemetry/expressions/operand.ts";
import { SampleWindow, WINDOW_SAMPLES } from "../../../../agent/telemetry/expressions/sample-window.ts";
import { boardOf, expressionOf } from "./board.ts";

const SEED = 20_261_129;
const LENGTH_US = 10_000;
const WRAPS_AT = 16;

type Step = { readonly kind: "sample" | "other"; readonly byUs: number; readonly value: number };
type Sample = { readonly timeUs: number; readonly value: number };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("sample", "sample", "sample", "other"),
  byUs: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(0, 1, 999, 1000, 2500, 5000, LENGTH_US - 1, LENGTH_US, LENGTH_US + 1) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(-1, -700, -LENGTH_US, -900_000, -1_000_000, -1_000_001, -5_000_000, 3_600_000_000),
    },
  ),
  value: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: WRAPS_AT - 1 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  ),
});

/** All samples since the last step of the clock, and what is asked taken of them anew each time. */
class Model {
  samples: readonly Sample[] = [];
  nowUs = Number.NEGATIVE_INFINITY;
  /** Of the last sample, as the clock goes now. */
  lastUs = Number.NEGATIVE_INFINITY;
  #tickedUs = Number.NEGATIVE_INFINITY;

  tick(timeUs: number): void {
    if (this.#tickedUs - timeUs > 1_000_000) this.#step(Math.min(0, timeUs - this.nowUs));
    this.#tickedUs = timeUs;
    this.nowUs = Math.max(this.nowUs, timeUs);
  }

  sample(timeUs: number, value: number): void {
    if (this.lastUs - timeUs > 1_000_000) this.#step(timeUs - this.nowUs);
    this.nowUs = Math.max(this.nowUs, timeUs);
    if (timeUs < this.lastUs) this.samples = [];
    this.lastUs = timeUs;
    this.samples = [...this.samples, { timeUs, value }];
  }

  #step(byUs: number): void {
    this.samples = [];
    this.nowUs += byUs;
    this.lastUs += byUs;
    this.#tickedUs += byUs;
  }

  read(what: WindowFunction, wrapsAt: number): number {
    const values = this.samples.filter(({ timeUs }) => timeUs > this.nowUs - LENGTH_US).map(({ value }) => value);
    // The sample that has just come must itself be known.
    if (values.length === 0 || Number.isNaN(this.samples.at(-1)?.value)) return Number.NaN;
    const steps = values.slice(1).map((value, at) => value - values[at]);
    const sum = values.reduce((total, value) => total + value, 0);
    const ups = steps.map((up) => (up < 0 ? (wrapsAt > 0 ? up + wrapsAt : 0) : up));
    const answers: Readonly<Record<WindowFunction, number>> = {
      min: Math.min(...values),
      max: Math.max(...values),
      mean: sum / values.length,
      sum,
      count: values.length,
      first: values[0],
      last: values[values.length - 1],
      increase: ups.reduce((total, up) => total + up, 0),
    };
    return answers[what];
  }
}

/** What the board reads for each function and the increase of a counter, after each sample. */
function playOnBoard(steps: readonly Step[]): {
  readonly read: readonly number[][];
  readonly expected: readonly number[][];
} {
  const { board } = boardOf();
  const model = new Model();
  const calls = [
    ...WINDOW_FUNCTIONS.map((name) => `${name}(x, duration("10ms"))`),
    `increase(x, duration("10ms"), ${WRAPS_AT})`,
  ];
  const newest: number[] = [];
  const sinkOf = (at: number) => ({
    take: (_result: number, _timeUs: number, { values }: { readonly values: Float64Array }) => {
      newest[at] = values[0];
    },
    dueUs: Number.POSITIVE_INFINITY,
    expire: () => undefined,
    shift: () => undefined,
  });
  board.use(
    calls.map((call, at) => ({
      expression: expressionOf(`${call} > 0`),
      maxAgeMs: 1e9,
      use: { kind: "condition", sink: sinkOf(at) },
    })),
  );
  const read: number[][] = [];
  const expected: number[][] = [];
  let timeUs = 1_764_374_400_000_000;
  for (const { kind, byUs, value } of steps) {
    timeUs += byUs;
    if (kind === "other") {
      model.tick(timeUs);
      board.tick(timeUs);
      continue;
    }
    model.sample(timeUs, value);
    board.note(0, value, timeUs);
    board.settle(timeUs);
    read.push([...newest]);
    expected.push([...WINDOW_FUNCTIONS.map((what) => model.read(what, 0)), model.read("increase", WRAPS_AT)]);
  }
  return { read, expected };
}

describe("SampleWindow", () => {
  it(`takes of the samples in (now - length, now] what a filter over all of them gives (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const { read, expected } = playOnBoard(steps);
        expect(read).toEqual(expected);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it("leaves out the sample that is exactly its length old, and keeps the one after it", () => {
    const window = new SampleWindow(1000);
    window.add(0, 1);
    window.add(1, 2);
    expect(window.read("count", 999)).toBe(2);
    expect(window.read("count", 1000)).toBe(1);
    expect(window.read("count", 1001)).toBe(Number.NaN);
  });

  it("grows with its samples and loses none", () => {
    const window = new SampleWindow(1e6);
    for (let at = 0; at < 5000; at++) window.add(at, at);
    expect(window.read("count", 4999)).toBe(5000);
    expect(window.read("sum", 4999)).toBe((4999 * 5000) / 2);
    expect(window.read("increase", 4999)).toBe(4999);
    expect(window.read("first", 4999)).toBe(0);
  });

  it("is undefined while it lacks a sample that did not fit, and counts it", () => {
    const window = new SampleWindow(1e6);
    for (let at = 0; at <= WINDOW_SAMPLES; at++) window.add(at, 1);
    expect(window.overflows).toBe(1);
    expect(window.read("count", 999_999)).toBe(Number.NaN);
    expect(window.read("count", 1_000_000)).toBe(WINDOW_SAMPLES);
  });
});
