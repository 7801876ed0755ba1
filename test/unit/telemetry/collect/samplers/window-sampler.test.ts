import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type WindowSettings, windowSampler } from "../../../../../agent/telemetry/collect/samplers/window-sampler.ts";
import { exactSum } from "../../../../fakes/telemetry/exact-sum.ts";
import {
  bitsOf,
  type Given,
  inputOf,
  oddNumbers,
  rigOf,
  runSteps,
  type Step,
  stepsOf,
  type Taken,
} from "../../../../fakes/telemetry/sampler-rig.ts";

/** How long frames may be on their way. */
const LATE_MS = 1000;

const SEED = 1404;
const KINDS = ["min", "max", "first", "last", "mean", "sum", "count", "integral"] as const;

function rig(settings: WindowSettings, facts = {}) {
  return rigOf((sink) => windowSampler(settings, sink), [inputOf(0, facts)]);
}

/** Gives samples as [µs, raw] to a sampler of 100 ms windows (or as `more` says), and stops it. */
function takenOf(
  kind: WindowSettings["kind"],
  samples: readonly (readonly [number, number | bigint])[],
  more: Partial<WindowSettings> = {},
  facts = {},
) {
  const { sampler, taken, readings } = rig({ kind, windowMs: 100, ...more }, facts);
  for (const [us, raw] of samples) readings.give(sampler, { local: 0, us, raw });
  sampler.close(0, "stop");
  return taken.list;
}

/** The samples of one window, and what held in it: [value, µs]. `end` is µs since T0, or infinite. */
type Window = { readonly end: number; readonly samples: Given[]; readonly held: [number, number][] };

/** Sorts the samples of one signal into windows, the slow way. */
function windowsOf(steps: readonly Step[], local: number, { kind, windowMs, maxGapMs }: WindowSettings): Window[] {
  const lengthUs = (windowMs ?? Number.POSITIVE_INFINITY) * 1000;
  const gapMs = Math.min(maxGapMs ?? windowMs ?? 10_000, windowMs ?? Number.POSITIVE_INFINITY);
  const patienceMs =
    (windowMs ?? Number.POSITIVE_INFINITY) + (kind === "integral" ? Math.max(gapMs, LATE_MS) : LATE_MS);
  const done: Window[] = [];
  let open: Window | undefined;
  let metMs: number | undefined;
  let last: Given | undefined;
  const shut = (): void => {
    if (open !== undefined) done.push(open);
    open = undefined;
    metMs = undefined;
  };
  for (const step of steps) {
    if (step.kind === "close" && open !== undefined) {
      metMs ??= step.nowMs;
      if ((step.cause === "trip" && windowMs === undefined) || step.nowMs - metMs >= patienceMs) {
        shut();
        last = undefined;
      }
    }
    if (step.kind !== "take" || step.local !== local || Number.isNaN(step.raw)) continue;
    const end = windowMs === undefined ? Number.POSITIVE_INFINITY : (Math.floor(step.us / lengthUs) + 1) * lengthUs;
    const before = open;
    if (before !== undefined && before.end !== end) shut();
    open ??= { end, samples: [], held: [] };
    if (last !== undefined && step.us >= last.us && step.us - last.us <= gapMs * 1000) {
      before?.held.push([Number(last.raw), Math.min(step.us, before.end) - last.us]);
      if (before !== open && before !== undefined) open.held.push([Number(last.raw), step.us - before.end]);
    }
    open.samples.push(step);
    last = step;
  }
  shut();
  return done;
}

/** What a window must give; of a number also by how much it may be off. */
function expectedOf(
  kind: WindowSettings["kind"],
  { end, samples, held }: Window,
): Omit<Taken, "output"> & { readonly off?: number } {
  const raws = samples.map(({ raw }) => Number(raw));
  const at = Number.isFinite(end) ? end : samples.at(-1)?.us;
  const us = at ?? Number.NaN;
  const picked = (sample: Given | undefined): Omit<Taken, "output"> => ({
    us: sample?.us ?? 0,
    bits: bitsOf(sample?.raw ?? 0),
  });
  const number = (parts: readonly number[], by = 1): Omit<Taken, "output"> & { readonly off: number } => {
    const size = exactSum(parts.map(Math.abs));
    return { us, value: exactSum(parts) / by, off: (4e-16 * size) / by };
  };
  switch (kind) {
    case "min":
      return picked(samples.find(({ raw }) => Number(raw) === Math.min(...raws)));
    case "max":
      return picked(samples.find(({ raw }) => Number(raw) === Math.max(...raws)));
    case "first":
      return picked(samples[0]);
    case "last":
      return picked(samples.at(-1));
    case "count":
      return { us, value: samples.length, off: 0 };
    case "sum":
      return number(raws);
    case "mean":
      return number(raws, raws.length);
    case "integral":
      return number(held.map(([value, durationUs]) => (value * durationUs) / 1e6));
  }
}

function holds(settings: WindowSettings, values: fc.Arbitrary<number>): void {
  const run = fc.property(stepsOf(1000, values), (steps) => {
    const { sampler, taken } = rig(settings);
    runSteps(sampler, taken, steps).forEach((found, local) => {
      const expected = windowsOf(steps, local, settings).map((window) => expectedOf(settings.kind, window));
      expect(found.map(({ us, bits }) => [us, bits])).toEqual(expected.map(({ us, bits }) => [us, bits]));
      found.forEach(({ value = 0 }, at) => {
        const { value: exact = 0, off = 0 } = expected[at];
        expect(Math.abs(value - exact)).toBeLessThanOrEqual(off);
      });
    });
    const takes = steps.filter((step) => step.kind === "take");
    expect(sampler.leftOut).toBe(takes.filter(({ raw }) => Number.isNaN(raw)).length);
  });
  fc.assert(run, { seed: SEED, numRuns: 200 });
}

describe("windowSampler, min max first last", () => {
  it("gives the very sample, with its time and bits", () => {
    const samples = [
      [10, 3],
      [99_999, 1],
      [100_000, 7],
      [150_000, 9],
      [160_000, 2],
    ] as const;
    const times = (kind: WindowSettings["kind"]): number[] => takenOf(kind, samples).map(({ us }) => us);
    expect(times("min")).toEqual([99_999, 160_000]);
    expect(times("max")).toEqual([10, 150_000]);
    expect(times("first")).toEqual([10, 100_000]);
    expect(times("last")).toEqual([99_999, 160_000]);
  });

  it("is least and greatest in the physical value, whose factor may be negative, and takes the first of equals", () => {
    const samples = [
      [1, 3],
      [2, 5],
      [3, 5],
      [4, 1],
      [5, 1],
    ] as const;
    expect(takenOf("min", samples, {}, { factor: -2 }).map(({ us }) => us)).toEqual([2]);
    expect(takenOf("max", samples, {}, { factor: -2 }).map(({ us }) => us)).toEqual([4]);
    expect(takenOf("max", samples, {}, { factor: 0 }).map(({ us }) => us)).toEqual([1]);
    expect(
      takenOf("min", [
        [1, 0],
        [2, -0],
      ]).map(({ us }) => us),
    ).toEqual([1]);
  });

  it("compares wide integers exactly, of both signs", () => {
    const wide = { isWide: true };
    for (const base of [2n ** 62n, -(2n ** 62n)]) {
      const samples = [
        [1, base + 1n],
        [2, base + 3n],
        [3, base],
        [4, base + 2n],
      ] as const;
      expect(takenOf("max", samples, {}, wide).map(({ bits }) => bits)).toEqual([base + 3n]);
      expect(takenOf("min", samples, {}, wide).map(({ bits }) => bits)).toEqual([base]);
    }
  });
});

describe("windowSampler, numbers", () => {
  it("gives them at the exclusive end of the window, in physical units", () => {
    const samples = [
      [0, 1],
      [99_999, 4],
      [100_000, 10],
    ] as const;
    const facts = { factor: 0.5, offset: 1 };
    const of = (kind: WindowSettings["kind"]): unknown =>
      takenOf(kind, samples, {}, facts).map(({ us, value }) => [us, value]);
    expect(of("sum")).toEqual([
      [100_000, 4.5],
      [200_000, 6],
    ]);
    expect(of("mean")).toEqual([
      [100_000, 2.25],
      [200_000, 6],
    ]);
    expect(of("count")).toEqual([
      [100_000, 2],
      [200_000, 1],
    ]);
  });

  it("integrates what held, each part in its window, in unit x seconds", () => {
    const samples = [
      [20_000, 10],
      [70_000, 20],
      [130_000, 5],
      [150_000, 0],
    ] as const;
    // 10 for 50 ms, 20 for 30 ms | 20 for 30 ms, 5 for 20 ms.
    expect(takenOf("integral", samples).map(({ value }) => value)).toEqual([1.1, 0.7]);
  });

  it("integrates nothing over a gap longer than the bound, and to its very end one that is as long", () => {
    expect(
      takenOf(
        "integral",
        [
          [0, 10],
          [50_000, 10],
        ],
        { maxGapMs: 50 },
      )[0].value,
    ).toBe(0.5);
    expect(
      takenOf(
        "integral",
        [
          [0, 10],
          [50_001, 10],
        ],
        { maxGapMs: 50 },
      )[0].value,
    ).toBe(0);
    expect(
      takenOf("integral", [
        [0, 10],
        [100_000, 10],
        [300_000, 1],
      ]).map(({ value }) => value),
    ).toEqual([1, 0, 0]);
  });

  it("stays exact enough over a long trip of small values behind a large one", () => {
    const { sampler, taken, readings } = rig({ kind: "sum" });
    readings.give(sampler, { local: 0, us: 0, raw: 1e16 });
    for (let us = 1; us <= 100_000; us++) readings.give(sampler, { local: 0, us, raw: 0.1 });
    readings.give(sampler, { local: 0, us: 200_000, raw: -1e16 });
    sampler.close(0, "trip");
    expect(taken.list[0].us).toBe(200_000);
    expect(taken.list[0].value).toBeCloseTo(10_000, 6);
  });

  it("gives an infinite sum for an infinite value, NaN for both infinities, and integrates no time of one to nothing", () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect(
      takenOf("sum", [
        [0, 1],
        [1, infinite],
        [2, 1],
      ])[0].value,
    ).toBe(infinite);
    expect(
      takenOf("sum", [
        [0, infinite],
        [1, -infinite],
      ])[0].value,
    ).toBeNaN();
    expect(
      takenOf("integral", [
        [0, infinite],
        [0, 2],
        [1000, 2],
      ])[0].value,
    ).toBe(0.002);
  });
});

describe("windowSampler", () => {
  it("gives nothing for a window without a sample that is a number", () => {
    for (const kind of KINDS)
      expect(
        takenOf(kind, [
          [0, Number.NaN],
          [500_000, Number.NaN],
        ]),
      ).toEqual([]);
  });

  it("ends a trip with the trip, and begins anew with the next sample", () => {
    const { sampler, taken, readings } = rig({ kind: "integral" });
    readings.give(sampler, { local: 0, us: 0, raw: 1 });
    readings.give(sampler, { local: 0, us: 1_000_000, raw: 1 });
    sampler.close(1e9, "tick");
    expect(taken.list).toEqual([]);
    sampler.close(1e9, "trip");
    readings.give(sampler, { local: 0, us: 2_000_000, raw: 1 });
    sampler.close(1e9, "trip");
    sampler.close(1e9, "trip");
    expect(taken.list.map(({ us, value }) => [us, value])).toEqual([
      [1_000_000, 1],
      [2_000_000, 0],
    ]);
  });

  it(`does as the plain model does (seed ${SEED})`, () => {
    const numbers = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.double({ min: -1e6, max: 1e6 }));
    for (const kind of KINDS) {
      const values = kind === "min" || kind === "max" || kind === "first" || kind === "last" ? oddNumbers : numbers;
      holds({ kind, windowMs: 1 }, values);
      holds({ kind, maxGapMs: 2 }, values);
      if (kind === "integral") holds({ kind, windowMs: 1, maxGapMs: 0.4 }, values);
    }
  }, 30_000);
});
