import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CellPlace } from "../../../../../agent/telemetry/collect/cells/cell-ledger.ts";
import { GridSampler, type GridSettings } from "../../../../../agent/telemetry/collect/cells/grid-sampler.ts";
import { KeptStore, plainReport, runCells, runKilled } from "../../../../fakes/telemetry/cell-rig.ts";
import { inputOf, oddNumbers, Readings, type Step, stepsOf } from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1408;
const HOLD_US = 10_000_000;
const EDGES = { xEdges: [0, 2], yEdges: [1] };

function settingsOf(change: Partial<GridSettings> = {}): GridSettings {
  return { ...EDGES, by: "time", everyMs: 86_400_000 * 365, perTrip: true, ...change };
}

/** Counts a pair of signals over one period, the slow way: by the list of what was known after each sample. */
function model(steps: readonly Step[], { by }: GridSettings): { cells: number[]; skipped: number }[] {
  const reports: { cells: number[]; skipped: number }[] = [];
  let cells = [0, 0, 0, 0, 0, 0];
  let skipped = 0;
  let count = 0;
  let lastUs: number | undefined;
  const newest: ({ us: number; value: number } | undefined)[] = [undefined, undefined];
  const cell = (): number => {
    const [x = 0, y = 0] = newest.map((one) => one?.value);
    return EDGES.xEdges.filter((edge) => edge <= x).length * 2 + EDGES.yEdges.filter((edge) => edge <= y).length;
  };
  const isFresh = (us: number): boolean =>
    newest.every((one) => one !== undefined && us >= one.us && us - one.us <= HOLD_US);
  const end = (): void => {
    if (count > 0) reports.push({ cells, skipped });
    cells = [0, 0, 0, 0, 0, 0];
    skipped = 0;
    count = 0;
    lastUs = undefined;
  };
  for (const step of steps) {
    if (step.kind === "close" && step.cause === "trip" && count > 0) end();
    if (step.kind !== "take" || step.local > 1 || Number.isNaN(step.raw)) continue;
    if (by === "time" && lastUs !== undefined && !newest.includes(undefined)) {
      if (isFresh(step.us)) cells[cell()] += step.us - lastUs;
      else skipped += 1;
    }
    newest[step.local] = { us: step.us, value: Number(step.raw) };
    if (by === "samples" && isFresh(step.us)) cells[cell()] += 1;
    count += 1;
    lastUs = step.us;
  }
  end();
  return reports;
}

function make(settings: GridSettings): (place: CellPlace) => GridSampler {
  return (place) => new GridSampler(settings, place);
}

/** No step adds a signal: two are there. */
const pairSteps = stepsOf(HOLD_US, oddNumbers).map((steps) =>
  steps
    .filter(({ kind }) => kind !== "add")
    .map((step, at) =>
      step.kind === "take" ? { ...step, local: (step.us + at) % 2 === 0 ? 0 : 1 } : { ...step, nowMs: 0 },
    ),
);

describe("GridSampler", () => {
  it("counts for how long two values held together, x by y", () => {
    const store = new KeptStore();
    const sampler = new GridSampler(settingsOf(), store.place());
    for (const slot of [0, 1]) sampler.add(inputOf(slot, { output: slot }));
    const readings = new Readings();
    const samples = [
      [0, 0, -1],
      [10, 1, 5],
      [30, 0, 3],
      [60, 1, 0],
      [100, 1, 0],
    ] as const;
    for (const [us, local, raw] of samples) readings.give(sampler, { local, us, raw });
    sampler.close(0, "trip");
    store.flush(sampler);
    // From 10 on x -1 (bin 0) with y 5 (bin 1); from 30 x 3 (bin 2); from 60 y 0 (bin 0).
    expect(store.reports.map(({ cells, axes }) => [Array.from(cells), axes.map(({ name }) => name)])).toEqual([
      [
        [0, 20, 0, 0, 40, 30],
        ["S0", "S1"],
      ],
    ]);
  });

  it("counts samples of either with the newest of the other, unless that is too old", () => {
    const store = new KeptStore();
    const sampler = new GridSampler(settingsOf({ by: "samples" }), store.place());
    for (const slot of [0, 1]) sampler.add(inputOf(slot, { output: slot }));
    const readings = new Readings();
    const samples = [
      [0, 0, 0],
      [0, 1, 1],
      [1, 0, 1],
      [HOLD_US, 0, 1],
      [HOLD_US + 1, 0, 1],
    ] as const;
    for (const [us, local, raw] of samples) readings.give(sampler, { local, us, raw });
    sampler.close(0, "trip");
    store.flush(sampler);
    expect(store.reports.map(({ cells }) => Array.from(cells))).toEqual([[0, 0, 0, 3, 0, 0]]);
  });

  it("takes no sample of a signal that has no partner yet", () => {
    const store = new KeptStore();
    const sampler = new GridSampler(settingsOf(), store.place());
    sampler.add(inputOf(0));
    new Readings().give(sampler, { local: 0, us: 0, raw: 0 });
    expect(sampler.ledger.takeChanges()).toEqual([]);
  });

  it(`does as the plain model does, and so after any kill (seed ${SEED})`, () => {
    for (const by of ["time", "samples"] as const) {
      const settings = settingsOf({ by });
      const run = fc.property(pairSteps, (steps) => {
        const { reports } = runCells(make(settings), steps, 2);
        const found = reports.map(({ cells, skipped }) => ({ cells: Array.from(cells), skipped }));
        expect(found).toEqual(model(steps, settings));
      });
      fc.assert(run, { seed: SEED, numRuns: 300 });
      const killed = fc.property(pairSteps, fc.array(fc.nat(59), { maxLength: 4 }), (steps, kills) => {
        const { store, committed } = runKilled(make(settings), [{ kind: "add" }, ...steps], kills, false);
        const expected = runCells(make(settings), committed).reports.map(plainReport);
        expect(store.reports.map(plainReport)).toEqual(expected);
      });
      fc.assert(killed, { seed: SEED, numRuns: 300 });
    }
  }, 30_000);
});
