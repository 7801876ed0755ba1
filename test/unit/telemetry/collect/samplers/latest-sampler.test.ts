import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatestSampler } from "../../../../../agent/telemetry/collect/samplers/latest-sampler.ts";
import {
  bitsOf,
  type Given,
  oddNumbers,
  rigOf,
  runSteps,
  type Step,
  stepsOf,
} from "../../../../fakes/telemetry/sampler-rig.ts";

/** How long frames may be on their way. */
const LATE_MS = 1000;

const SEED = 1402;

function rig(windowMs: number) {
  return rigOf((sink) => new LatestSampler({ windowMs }, sink));
}

/** The last sample of each run of samples of one window; ticks end a run once the window's time has passed since the first of them. */
function model(steps: readonly Step[], local: number, windowMs: number): Given[] {
  const ended: Given[] = [];
  let run: Given[] = [];
  let metMs: number | undefined;
  const windowOf = ({ us }: Given): number => Math.floor(us / (windowMs * 1000));
  const end = (): void => {
    ended.push(...run.slice(-1));
    run = [];
    metMs = undefined;
  };
  for (const step of steps) {
    if (step.kind === "take" && step.local === local) {
      if (run.some((before) => windowOf(before) !== windowOf(step))) end();
      run.push(step);
    } else if (step.kind === "close" && run.length > 0) {
      metMs ??= step.nowMs;
      if (step.nowMs >= metMs + windowMs + LATE_MS) end();
    }
  }
  end();
  return ended;
}

describe("LatestSampler", () => {
  it("takes the last sample of each window, with its own time", () => {
    const { sampler, taken, readings } = rig(100);
    [0, 99_999, 100_000, 150_000, 320_000].forEach((us, raw) => {
      readings.give(sampler, { local: 0, us, raw });
    });
    expect(taken.list).toEqual([
      { output: 100, us: 99_999, bits: bitsOf(1) },
      { output: 100, us: 150_000, bits: bitsOf(3) },
    ]);
  });

  it("takes the sample of a window whose message no longer comes, once the window must be over, and once", () => {
    const { sampler, taken, readings } = rig(100);
    readings.give(sampler, { local: 0, us: 0, raw: 1 });
    sampler.close(1000, "tick");
    sampler.close(1099, "trip");
    expect(taken.list).toEqual([]);
    sampler.close(1100, "tick");
    sampler.close(5000, "stop");
    expect(taken.list.map(({ us }) => us)).toEqual([0]);
  });

  it("takes what waits when it stops", () => {
    const { sampler, taken, readings } = rig(100);
    readings.give(sampler, { local: 0, us: 0, raw: -7n });
    sampler.close(0, "stop");
    expect(taken.list).toEqual([{ output: 100, us: 0, bits: -7n }]);
  });

  it(`does as the plain model does (seed ${SEED})`, () => {
    const run = fc.property(stepsOf(1000, oddNumbers), (steps) => {
      const { sampler, taken } = rig(1);
      runSteps(sampler, taken, steps).forEach((found, local) => {
        const expected = model(steps, local, 1).map(({ us, raw }) => ({ output: 100 + local, us, bits: bitsOf(raw) }));
        expect(found).toEqual(expected);
      });
    });
    fc.assert(run, { seed: SEED, numRuns: 500 });
  });
});
