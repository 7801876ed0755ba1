import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChangeSampler, type ChangeSettings } from "../../../../../agent/telemetry/collect/samplers/change-sampler.ts";
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

const SEED = 1403;

function takenOf(settings: ChangeSettings, values: readonly (number | bigint)[], facts = {}): (number | bigint)[] {
  const { sampler, taken, readings } = rigOf((sink) => new ChangeSampler(settings, sink), [inputOf(0, facts)]);
  values.forEach((raw, us) => {
    readings.give(sampler, { local: 0, us, raw });
  });
  return taken.list.map(({ us }) => values[us]);
}

type Differs = (before: number, now: number) => boolean;

function model(steps: readonly Step[], local: number, differs: Differs, heartbeatUs = 0): Given[] {
  const taken: Given[] = [];
  for (const step of steps) {
    if (step.kind !== "take" || step.local !== local) continue;
    const last = taken.at(-1);
    const isSilent = heartbeatUs > 0 && last !== undefined && (step.us < last.us || step.us - last.us >= heartbeatUs);
    if (last === undefined || isSilent || differs(Number(last.raw), Number(step.raw))) taken.push(step);
  }
  return taken;
}

function holds(settings: ChangeSettings, differs: Differs): void {
  const heartbeatUs = (settings.atLeastEveryMs ?? 0) * 1000;
  const run = fc.property(stepsOf(1000, oddNumbers), (steps) => {
    const { sampler, taken } = rigOf((sink) => new ChangeSampler(settings, sink));
    runSteps(sampler, taken, steps).forEach((found, local) => {
      const expected = model(steps, local, differs, heartbeatUs);
      expect(found).toEqual(expected.map(({ us, raw }) => ({ output: 100 + local, us, bits: bitsOf(raw) })));
    });
  });
  fc.assert(run, { seed: SEED, numRuns: 300 });
}

describe("ChangeSampler", () => {
  it("takes the first value, 0 too, and then only those that differ", () => {
    expect(takenOf({}, [0, 0, 6, 6, 0])).toEqual([0, 6, 0]);
  });

  it("takes NaN once whatever its bits, and tells -0 from 0", () => {
    expect(takenOf({}, [Number.NaN, Number.NaN, 0, -0, -0, Number.NaN])).toEqual([Number.NaN, 0, -0, Number.NaN]);
    const { sampler, taken } = rigOf((sink) => new ChangeSampler({}, sink));
    for (const high of [0x7ff8_0000, 0x7ff8_0001, 0xfff8_0000]) {
      sampler.take(0, { slot: 0, timeUs: 0, raw: Number.NaN, low: 0, high });
    }
    expect(taken.list.length).toBe(1);
  });

  it("compares a wide integer exactly, where its rounded value stays the same and where its bits look like NaN", () => {
    const close = [2n ** 62n, 2n ** 62n + 1n, 2n ** 62n + 1n];
    expect(takenOf({}, close, { isWide: true })).toEqual(close.slice(0, 2));
    const looksLikeNan = [0x7ff8_0000_0000_0000n, 0x7ff8_0000_0000_0001n];
    expect(takenOf({}, looksLikeNan, { isWide: true })).toEqual(looksLikeNan);
  });

  it("takes an unchanged value again after the longest silence, also when the wall clock stepped back by years", () => {
    const { sampler, taken, readings } = rigOf((sink) => new ChangeSampler({ atLeastEveryMs: 100 }, sink));
    const backUs = 100_000 - 10 * 365 * 86_400_000_000;
    for (const us of [0, 99_999, 100_000, backUs, backUs + 50_000]) readings.give(sampler, { local: 0, us, raw: 5 });
    expect(taken.list.map(({ us }) => us)).toEqual([0, 100_000, backUs]);
  });

  it("takes what is farther than an absolute deadband in the signal's unit from the last taken", () => {
    const facts = { factor: -0.5, offset: 10 };
    expect(takenOf({ deadband: { absolute: 2 } }, [0, 4, 5, 1, 0, -4, 9], facts)).toEqual([0, 5, 0, 9]);
    expect(takenOf({ deadband: { absolute: 0 } }, [0, -0, 0, 1])).toEqual([0, 1]);
  });

  it("takes what is farther than a share of the last taken", () => {
    expect(takenOf({ deadband: { percent: 10 } }, [100, 110, 111, 100, 99, 0, 0, 1])).toEqual([100, 111, 99, 0, 1]);
    expect(takenOf({ deadband: { percent: 10 } }, [-100, -110, -111])).toEqual([-100, -111]);
  });

  it("takes NaN and the infinite ends over a deadband, each once", () => {
    const ends = [1, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 5];
    const expected = [1, Number.NaN, Number.POSITIVE_INFINITY, 5];
    expect(takenOf({ deadband: { absolute: 100 } }, ends)).toEqual(expected);
    expect(takenOf({ deadband: { percent: 100 } }, ends)).toEqual(expected);
  });

  it(`does as the plain model does (seed ${SEED})`, () => {
    const apart: Differs = (before, now) => !Object.is(before, now);
    const isBeyond = (before: number, now: number, limit: number): boolean => {
      if (Object.is(before, now) || before === now) return false;
      return ![before, now].every(Number.isFinite) || Math.abs(now - before) > limit;
    };
    holds({}, apart);
    holds({ atLeastEveryMs: 1 }, apart);
    holds({ deadband: { absolute: 2 } }, (before, now) => isBeyond(before, now, 2));
    const percent: Differs = (before, now) => isBeyond(before, now, 0.5 * Math.abs(before));
    holds({ atLeastEveryMs: 2, deadband: { percent: 50 } }, percent);
  });
});
