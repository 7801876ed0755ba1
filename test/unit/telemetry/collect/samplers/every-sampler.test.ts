import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EverySampler } from "../../../../../agent/telemetry/collect/samplers/every-sampler.ts";
import { bitsOf, inputOf, oddNumbers, rigOf, runSteps, stepsOf } from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1401;

describe("EverySampler", () => {
  it("takes a sample once the least time has passed since the last taken", () => {
    const { sampler, taken, readings } = rigOf((sink) => new EverySampler({ ms: 25 }, sink));
    [0, 10_000, 24_999, 25_000, 49_000, 50_000].forEach((us, raw) => {
      readings.give(sampler, { local: 0, us, raw });
    });
    expect(taken.list.map(({ us }) => us)).toEqual([0, 25_000, 50_000]);
  });

  it("takes everything with 0, equal values and equal times included, bit by bit", () => {
    const { sampler, taken, readings } = rigOf((sink) => new EverySampler({ ms: 0 }, sink), [inputOf(0)]);
    const wide = 2n ** 62n + 1n;
    for (const raw of [1, 1, wide, -0]) readings.give(sampler, { local: 0, us: 7, raw });
    expect(taken.list).toEqual([1, 1, wide, -0].map((raw) => ({ output: 100, us: 7, bits: bitsOf(raw) })));
  });

  it(`does as the plain model does (seed ${SEED})`, () => {
    const run = fc.property(stepsOf(1000, oddNumbers), (steps) => {
      const { sampler, taken } = rigOf((sink) => new EverySampler({ ms: 1 }, sink));
      runSteps(sampler, taken, steps).forEach((found, local) => {
        let last: number | undefined;
        const expected = steps.flatMap((step) => {
          if (step.kind !== "take" || step.local !== local) return [];
          if (last !== undefined && step.us >= last && step.us < last + 1000) return [];
          last = step.us;
          return [{ output: 100 + local, us: step.us, bits: bitsOf(step.raw) }];
        });
        expect(found).toEqual(expected);
      });
    });
    fc.assert(run, { seed: SEED, numRuns: 500 });
  });
});
