import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binOf } from "../../../../../agent/telemetry/collect/cells/bins.ts";
import type { CellPlace } from "../../../../../agent/telemetry/collect/cells/cell-ledger.ts";
import {
  HistogramSampler,
  type HistogramSettings,
} from "../../../../../agent/telemetry/collect/cells/histogram-sampler.ts";
import { KeptStore, plainReport, runCells, runKilled } from "../../../../fakes/telemetry/cell-rig.ts";
import {
  type Given,
  inputOf,
  oddNumbers,
  Readings,
  type Step,
  stepsOf,
} from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1407;
const HOLD_US = 10_000_000;
const DAY_MS = 86_400_000;
const EDGES = [-1, 0, 2.5];

function settingsOf(change: Partial<HistogramSettings> = {}): HistogramSettings {
  return { edges: EDGES, by: "time", everyMs: DAY_MS, perTrip: false, ...change };
}

/** Gives samples as [µs, raw] of one signal, and reports all. */
function reportsOf(settings: HistogramSettings, samples: readonly (readonly [number, number])[], facts = {}) {
  const store = new KeptStore();
  const sampler = new HistogramSampler(settings, store.place());
  sampler.add(inputOf(0, facts));
  const readings = new Readings();
  for (const [us, raw] of samples) readings.give(sampler, { local: 0, us, raw });
  sampler.ledger.retire();
  store.flush(sampler);
  return store.reports.map(({ cells, leftOut, skipped }) => ({ cells: Array.from(cells), leftOut, skipped }));
}

type Period = { number: number; cells: number[]; us: number[]; leftOut: number; skipped: number };

/** Counts one signal the slow way: sorts the samples into periods, and gives each what held in it. */
function model(steps: readonly Step[], local: number, { edges, by, everyMs, perTrip }: HistogramSettings): Period[] {
  const everyUs = everyMs * 1000;
  const done: Period[] = [];
  let metMs: number | undefined;
  const open = (number: number): Period => ({
    number,
    cells: [...edges, 0].map(() => 0),
    us: [],
    leftOut: 0,
    skipped: 0,
  });
  let period = open(Number.NaN);
  let last: Given | undefined;
  const binAt = ({ raw }: Given): number => edges.filter((edge) => edge <= Number(raw)).length;
  const end = (): void => {
    if (period.us.length > 0) done.push(period);
    period = open(Number.NaN);
    metMs = undefined;
  };
  for (const step of steps) {
    if (step.kind === "close" && period.us.length > 0) {
      metMs ??= step.nowMs;
      if ((step.cause === "trip" && perTrip) || step.nowMs - metMs >= everyMs + HOLD_US / 1000) {
        end();
        last = undefined;
      }
    }
    if (step.kind !== "take" || step.local !== local) continue;
    if (Number.isNaN(step.raw)) {
      period.leftOut += 1;
      continue;
    }
    const number = Math.floor(step.us / everyUs);
    const isHeld = last !== undefined && step.us >= last.us && step.us - last.us <= HOLD_US;
    if (by === "time" && last !== undefined) {
      const bound = (Math.floor(last.us / everyUs) + 1) * everyUs;
      if (isHeld) period.cells[binAt(last)] += Math.min(step.us, bound) - last.us;
      else period.skipped += 1;
      if (isHeld && step.us >= bound) {
        end();
        period.cells[binAt(last)] += step.us - bound;
      }
    }
    if (period.us.length > 0 && period.number !== number) end();
    period.number = number;
    period.us.push(step.us);
    if (by === "samples") period.cells[binAt(step)] += 1;
    last = step;
  }
  end();
  return done;
}

describe("binOf", () => {
  it("counts a value on an edge to the bin above it", () => {
    const edges = Float64Array.from(EDGES);
    const values = [-1.1, -1, -0.1, -0, 0, 2.4, 2.5, 1e300, Number.NEGATIVE_INFINITY];
    expect(values.map((value) => binOf(edges, value))).toEqual([0, 1, 1, 2, 2, 2, 3, 3, 0]);
  });
});

describe("HistogramSampler", () => {
  it("counts for how long a physical value held until the next sample, to the µs", () => {
    const samples = [
      [0, 0],
      [1_000_001, 8],
      [3_000_000, -4],
      [3_000_000, 2],
      [3_000_007, 2],
    ] as const;
    // Physical values 1, 5, -1, 2, 2.
    expect(reportsOf(settingsOf(), samples, { factor: 0.5, offset: 1 })).toEqual([
      { cells: [0, 0, 1_000_001 + 7, 1_999_999], leftOut: 0, skipped: 0 },
    ]);
  });

  it("counts samples", () => {
    const samples = [
      [0, 0],
      [1, 0],
      [90_000_000, 5],
      [5, -5],
      [6, Number.NaN],
    ] as const;
    expect(reportsOf(settingsOf({ by: "samples" }), samples)).toEqual([
      { cells: [1, 0, 2, 1], leftOut: 1, skipped: 0 },
    ]);
  });

  it("counts no time for a gap that is too long, and where the clock stepped back", () => {
    const samples = [
      [0, 0],
      [HOLD_US, 0],
      [2 * HOLD_US + 1, 0],
      [5, 0],
      [6, 0],
    ] as const;
    expect(reportsOf(settingsOf(), samples)).toEqual([{ cells: [0, 0, HOLD_US + 1, 0], leftOut: 0, skipped: 2 }]);
  });

  it("takes each part of the time to its period", () => {
    const settings = settingsOf({ everyMs: 20_000 });
    const samples = [
      [19_000_000, 0],
      [21_500_000, 5],
      [22_000_000, 5],
    ] as const;
    expect(reportsOf(settings, samples).map(({ cells }) => cells)).toEqual([
      [0, 0, 1_000_000, 0],
      [0, 0, 1_500_000, 500_000],
    ]);
  });

  it("reports at the end of a trip where it should, and stays as it is at a stop", () => {
    const store = new KeptStore();
    const sampler = new HistogramSampler(settingsOf({ perTrip: true }), store.place());
    sampler.add(inputOf(0));
    const readings = new Readings();
    for (const us of [0, 1000]) readings.give(sampler, { local: 0, us, raw: 0 });
    sampler.close(0, "stop");
    store.flush(sampler);
    expect(store.reports).toEqual([]);
    sampler.close(0, "trip");
    store.flush(sampler);
    readings.give(sampler, { local: 0, us: 2000, raw: 0 });
    sampler.close(0, "trip");
    sampler.close(0, "trip");
    store.flush(sampler);
    expect(store.reports.map(({ cells }) => Array.from(cells))).toEqual([
      [0, 0, 1000, 0],
      [0, 0, 0, 0],
    ]);
  });

  it("writes what has changed alone, and forgets the cells that are 0 again", () => {
    const edges = Array.from({ length: 255 }, (_, edge) => edge);
    const store = new KeptStore();
    const sampler = new HistogramSampler(settingsOf({ edges, by: "samples", perTrip: true }), store.place());
    sampler.add(inputOf(0));
    const readings = new Readings();
    readings.give(sampler, { local: 0, us: 0, raw: 200 });
    const prefix = "cells/1/load/3/0123456789abcdef/0";
    expect(sampler.ledger.takeChanges().map(({ key }) => key)).toEqual([prefix, `${prefix}/0`, `${prefix}/0/3`]);
    readings.give(sampler, { local: 0, us: 0, raw: 3 });
    expect(sampler.ledger.takeChanges().map(({ key }) => key)).toEqual([`${prefix}/0`, `${prefix}/0/0`]);
    expect(sampler.ledger.takeChanges()).toEqual([]);
    sampler.close(0, "trip");
    const cleared = sampler.ledger.takeChanges();
    expect(cleared.map(({ key, value }) => [key, value === undefined])).toEqual([
      [`${prefix}/0`, false],
      [`${prefix}/0/0`, true],
      [`${prefix}/0/3`, true],
    ]);
  });

  it(`does as the plain model does (seed ${SEED})`, () => {
    for (const by of ["time", "samples"] as const) {
      for (const perTrip of [false, true]) {
        const settings = settingsOf({ by, perTrip, everyMs: 20_000 });
        const run = fc.property(stepsOf(HOLD_US, oddNumbers), (steps) => {
          const store = runCells((place) => new HistogramSampler(settings, place), steps);
          for (let local = 0; local < 5; local++) {
            const found = store.reports.filter(({ axes }) => axes[0].name === `S${local}`).map(plainReport);
            const expected = model(steps, local, settings).map(({ cells, us, leftOut, skipped }) => {
              const span = { fromUs: Math.min(...us), toUs: Math.max(...us) };
              return { kind: "histogram", by, states: [], name: `S${local}`, cells, leftOut, skipped, ...span };
            });
            expect(found).toEqual(expected);
          }
        });
        fc.assert(run, { seed: SEED, numRuns: 200 });
      }
    }
  }, 30_000);

  it(`is after any kill what the committed samples give (seed ${SEED})`, () => {
    const settings = settingsOf({ perTrip: true, everyMs: 20_000 });
    const make = (place: CellPlace): HistogramSampler => new HistogramSampler(settings, place);
    const kills = fc.array(fc.nat(59), { maxLength: 4 });
    const run = fc.property(stepsOf(HOLD_US, oddNumbers), kills, (steps, at) => {
      const { store, committed } = runKilled(make, steps, at);
      const still = committed.map((step) => (step.kind === "close" ? { ...step, nowMs: 0 } : step));
      const expected = runCells(make, still)
        .reports.map(plainReport)
        .map((report) => JSON.stringify(report));
      const found = store.reports.map(plainReport).map((report) => JSON.stringify(report));
      expect(found.toSorted()).toEqual(expected.toSorted());
    });
    fc.assert(run, { seed: SEED, numRuns: 500 });
  }, 30_000);
});
