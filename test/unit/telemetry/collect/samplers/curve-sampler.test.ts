import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CurveSampler, type CurveSettings } from "../../../../../agent/telemetry/collect/samplers/curve-sampler.ts";
import { scaled } from "../../../../fakes/telemetry/exact-sum.ts";
import {
  bitsOf,
  type Given,
  inputOf,
  oddNumbers,
  rigOf,
  runSteps,
  type Step,
  stepsOf,
} from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1406;
const DAY_MS = 86_400_000;

/** Values at 0, 1, 2 ... µs; gives the µs of those taken. */
function takenOf(settings: Partial<CurveSettings>, values: readonly number[], facts = {}): number[] {
  const make = { maxError: 1, maxDelayMs: DAY_MS, ...settings };
  const { sampler, taken, readings } = rigOf((sink) => new CurveSampler(make, sink), [inputOf(0, facts)]);
  values.forEach((raw, us) => {
    readings.give(sampler, { local: 0, us, raw });
  });
  sampler.close(0, "stop");
  return taken.list.map(({ us }) => us);
}

/** Whether `sample` is within `maxError` of the line from `from` to `to`, in whole numbers; `scaled` numbers are 2^1074 times too large. */
function isNear(from: Given, sample: Given, to: Given, maxError: number): boolean {
  const rise = scaled(Number(to.raw)) - scaled(Number(from.raw));
  const lengthUs = BigInt(to.us - from.us);
  const off = rise * BigInt(sample.us - from.us) - (scaled(Number(sample.raw)) - scaled(Number(from.raw))) * lengthUs;
  return (off < 0n ? -off : off) <= scaled(maxError) * lengthUs;
}

/** A line may end at `to` when time goes on and all values are finite, or all are the same odd one. */
function isLine(points: readonly Given[], maxError: number): boolean {
  const [from] = points;
  const to = points.at(-1) ?? from;
  const goesOn = points.every(({ us }, at) => at === 0 || us > points[at - 1].us);
  if (!goesOn) return false;
  if (points.every(({ raw }) => Object.is(raw, from.raw))) return true;
  if (!points.every(({ raw }) => Number.isFinite(Number(raw)))) return false;
  return points.slice(1, -1).every((point) => isNear(from, point, to, maxError));
}

/** What must be taken: from the last one taken as far as a line can go, each point looked at anew. Ends when `maxDelayMs` has passed. */
function model(steps: readonly Step[], local: number, { maxError, maxDelayMs }: CurveSettings): Given[] {
  const taken: Given[] = [];
  let open: Given[] = [];
  let metMs: number | undefined;
  const take = (point: Given): void => {
    taken.push(point);
    open = [];
    metMs = undefined;
  };
  const end = (): void => {
    const last = open.at(-1);
    if (last !== undefined) take(last);
  };
  for (const step of steps) {
    if (step.kind === "close" && open.length > 0) {
      metMs ??= step.nowMs;
      if (step.cause === "trip" || step.nowMs - metMs >= maxDelayMs) end();
    }
    if (step.kind !== "take" || step.local !== local) continue;
    const newest = open.at(-1) ?? taken.at(-1);
    const isRepeated = newest?.us === step.us && (newest.raw === step.raw || Object.is(newest.raw, step.raw));
    if (isRepeated) continue;
    const fits = (): boolean => taken.length > 0 && isLine([...taken.slice(-1), ...open, step], maxError);
    if (!fits()) end();
    if (!fits()) take(step);
    else {
      open.push(step);
      if (step.us - open[0].us >= maxDelayMs * 1000) end();
    }
  }
  end();
  return taken;
}

/** The samples that were taken, by their place among those of the signal; repeats at one time are looked up from the last one found. */
function placesOf(
  given: readonly Given[],
  found: readonly { readonly us: number; readonly bits?: bigint }[],
): number[] {
  let from = 0;
  return found.map(({ us, bits }) => {
    const at = given.findIndex((one, place) => place >= from && one.us === us && bitsOf(one.raw) === bits);
    expect(at).toBeGreaterThanOrEqual(0);
    from = at + 1;
    return at;
  });
}

describe("CurveSampler", () => {
  it("takes the ends of a straight line alone", () => {
    expect(takenOf({ maxError: 0.001 }, [0, 1, 2, 3, 4, 5])).toEqual([0, 5]);
    expect(takenOf({ maxError: 0 }, [0, 1, 2, 3, 4, 5])).toEqual([0, 5]);
    expect(takenOf({ maxError: 0 }, [7, 7, 7])).toEqual([0, 2]);
    expect(takenOf({}, [7])).toEqual([0]);
  });

  it("drops a sample that is off by the very bound, and takes one beyond it", () => {
    expect(takenOf({ maxError: 1 }, [0, 1, 0])).toEqual([0, 2]);
    expect(takenOf({ maxError: 1 }, [0, -1, 0])).toEqual([0, 2]);
    expect(takenOf({ maxError: 1 }, [0, 1.000001, 0])).toEqual([0, 1, 2]);
    expect(takenOf({ maxError: 0.5 }, [0, 1, 0], { factor: 0.5, offset: 3 })).toEqual([0, 2]);
  });

  it("takes the corner of a curve", () => {
    expect(takenOf({ maxError: 0.4 }, [0, 1, 2, 3, 3, 3, 3])).toEqual([0, 3, 6]);
  });

  it("keeps NaN and infinite values apart from the lines, each as long as it stays", () => {
    expect(takenOf({}, [1, 1, Number.NaN, Number.NaN, Number.NaN, 1, 1])).toEqual([0, 1, 2, 4, 5, 6]);
    expect(takenOf({}, [1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1])).toEqual([0, 1, 2, 3]);
  });

  it("takes what is around equal times and steps of the clock, and drops a repeat", () => {
    const { sampler, taken, readings } = rigOf((sink) => new CurveSampler({ maxError: 1, maxDelayMs: DAY_MS }, sink));
    for (const [us, raw] of [
      [0, 0],
      [10, 0],
      [20, 0],
      [20, 0],
      [20, 0.5],
      [30, 0.5],
      [5, 0.5],
      [6, 0.5],
    ])
      readings.give(sampler, { local: 0, us, raw });
    sampler.close(0, "trip");
    expect(taken.list.map(({ us, bits }) => [us, bits])).toEqual(
      [
        [0, 0],
        [20, 0],
        [20, 0.5],
        [30, 0.5],
        [5, 0.5],
        [6, 0.5],
      ].map(([us, raw]) => [us, bitsOf(raw)]),
    );
  });

  it("lets nothing wait for longer than the bound, by the times of the samples and by ticks", () => {
    const values = Array.from({ length: 5001 }, () => 0);
    expect(takenOf({ maxDelayMs: 1 }, values)).toEqual([0, 1001, 2002, 3003, 4004, 5000]);
    const { sampler, taken, readings } = rigOf((sink) => new CurveSampler({ maxError: 1, maxDelayMs: 1000 }, sink));
    readings.give(sampler, { local: 0, us: 0, raw: 0 });
    readings.give(sampler, { local: 0, us: 10, raw: 0 });
    sampler.close(500, "tick");
    readings.give(sampler, { local: 0, us: 20, raw: 0 });
    sampler.close(1499, "tick");
    expect(taken.list.length).toBe(1);
    sampler.close(1500, "tick");
    sampler.close(9999, "tick");
    expect(taken.list.map(({ us }) => us)).toEqual([0, 20]);
  });

  it("does not fall for wide values whose differences cannot be told", () => {
    const huge = [1e308, -1e308, 1e308, 1e308, -1e308];
    expect(takenOf({ maxError: 1 }, huge)).toEqual([0, 1, 2, 3, 4]);
  });

  it(`takes what the plain model takes, of values that need no rounding (seed ${SEED})`, () => {
    const values = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY),
    );
    for (const settings of [
      { maxError: 1, maxDelayMs: 3 },
      { maxError: 0, maxDelayMs: 50 },
      { maxError: 0.75, maxDelayMs: 0 },
    ]) {
      const run = fc.property(stepsOf(100, values), (steps) => {
        const { sampler, taken } = rigOf((sink) => new CurveSampler(settings, sink));
        runSteps(sampler, taken, steps).forEach((found, local) => {
          const expected = model(steps, local, settings);
          expect(found).toEqual(expected.map(({ us, raw }) => ({ output: 100 + local, us, bits: bitsOf(raw) })));
        });
      });
      fc.assert(run, { seed: SEED, numRuns: 300 });
    }
  });

  it(`keeps every dropped sample within the bound, in exact arithmetic (seed ${SEED})`, () => {
    // Differences of tenths are off the bound by some last digits, to either side.
    const tenths = fc.integer({ min: -12, max: 12 }).map((tenth) => tenth / 10);
    const smooth = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.double({ min: -0.1, max: 0.1, noNaN: true }));
    const mixed = fc.oneof(
      oddNumbers,
      smooth.map(([at, noise]) => Math.sin(at / 500) + noise),
      tenths,
    );
    const kinds = [
      { maxError: 0.1, values: tenths },
      { maxError: 0.3, values: tenths },
      { maxError: 0.1, values: mixed },
      { maxError: 1e-16, values: mixed },
    ];
    for (const { maxError, values } of kinds) {
      const run = fc.property(stepsOf(100, values), (steps) => {
        const { sampler, taken } = rigOf((sink) => new CurveSampler({ maxError, maxDelayMs: 5 }, sink));
        runSteps(sampler, taken, steps).forEach((found, local) => {
          const given = steps.filter((step) => step.kind === "take").filter((step) => step.local === local);
          const places = placesOf(given, found);
          if (given.length > 0) expect(places[0]).toBe(0);
          places.slice(1).forEach((place, at) => {
            const line = given
              .slice(places[at], place + 1)
              .filter((point, n, all) => n === 0 || point.us !== all[n - 1].us || point.raw !== all[n - 1].raw);
            expect(line.length <= 2 || isLine(line, maxError)).toBe(true);
          });
        });
      });
      fc.assert(run, { seed: SEED, numRuns: 300 });
    }
  });
});
