import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CellPlace } from "../../../../../agent/telemetry/collect/cells/cell-ledger.ts";
import { DurationSampler, MAX_STATES } from "../../../../../agent/telemetry/collect/cells/duration-sampler.ts";
import { KeptStore, plainReport, runCells, runKilled } from "../../../../fakes/telemetry/cell-rig.ts";
import { inputOf, oddNumbers, Readings, type Step, stepsOf } from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1409;
const HOLD_US = 10_000_000;
const SETTINGS = { everyMs: 86_400_000 * 365, perTrip: true };

function make(place: CellPlace): DurationSampler {
  return new DurationSampler(SETTINGS, place);
}

/** Time in each state of one signal and trip, by the value's text. */
function model(steps: readonly Step[], local: number): Map<number, number>[] {
  const trips: Map<number, number>[] = [];
  let trip = new Map<number, number>();
  let last: { us: number; raw: number } | undefined;
  for (const step of steps) {
    if (step.kind === "close" && step.cause === "trip" && last !== undefined) {
      trips.push(trip);
      trip = new Map();
      last = undefined;
    }
    if (step.kind !== "take" || step.local !== local || Number.isNaN(step.raw)) continue;
    const raw = Number(step.raw) + 0;
    if (last !== undefined && step.us >= last.us && step.us - last.us <= HOLD_US) {
      trip.set(last.raw, (trip.get(last.raw) ?? 0) + step.us - last.us);
    }
    last = { us: step.us, raw };
  }
  if (last !== undefined) trips.push(trip);
  return trips;
}

describe("DurationSampler", () => {
  it("counts the time in each raw value, in the order in which they came", () => {
    const store = new KeptStore();
    const sampler = make(store.place());
    sampler.add(inputOf(0, { factor: 2, offset: 7 }));
    const readings = new Readings();
    [3, 3, 0, 3, -1].forEach((raw, at) => {
      readings.give(sampler, { local: 0, us: at * at, raw });
    });
    sampler.close(0, "trip");
    store.flush(sampler);
    const [{ states, cells, kind, by }] = store.reports;
    expect({ states, cells, kind, by }).toEqual({
      states: [3, 0],
      cells: [1 + 3 + 7, 5, 0],
      kind: "duration",
      by: "time",
    });
  });

  it("counts what has no cell of its own together, until the next report", () => {
    const store = new KeptStore();
    const sampler = make(store.place());
    sampler.add(inputOf(0));
    const readings = new Readings();
    for (let raw = 0; raw <= MAX_STATES + 2; raw++) readings.give(sampler, { local: 0, us: raw, raw });
    sampler.close(0, "trip");
    for (const [us, raw] of [
      [100, 500],
      [107, 1],
    ])
      readings.give(sampler, { local: 0, us, raw });
    sampler.close(0, "trip");
    store.flush(sampler);
    expect(store.reports[0].states.length).toBe(MAX_STATES);
    expect(Array.from(store.reports[0].cells).at(-1)).toBe(2);
    expect(store.reports[1].states).toEqual([500]);
    expect(store.reports[1].cells).toEqual([7, 0]);
  });

  it(`does as the plain model does, and so after any kill (seed ${SEED})`, () => {
    const steps = stepsOf(HOLD_US, oddNumbers).map((list) =>
      list.map((step) => (step.kind === "close" ? { ...step, nowMs: 0 } : step)),
    );
    const run = fc.property(steps, fc.array(fc.nat(59), { maxLength: 4 }), (list, kills) => {
      const { reports } = runCells(make, list);
      for (let local = 0; local < 5; local++) {
        const own = reports.filter(({ axes }) => axes[0].name === `S${local}`);
        const found = own.map(
          ({ states, cells }) => new Map(states.map((state, at) => [state + 0, cells[at]] as const)),
        );
        expect(found).toEqual(model(list, local));
        expect(own.every(({ cells, states }) => cells.length === states.length + 1)).toBe(true);
      }
      const { store, committed } = runKilled(make, list, kills);
      const texts = (all: typeof reports): string[] => all.map((one) => JSON.stringify(plainReport(one))).toSorted();
      expect(texts(store.reports)).toEqual(texts(runCells(make, committed).reports));
    });
    fc.assert(run, { seed: SEED, numRuns: 300 });
  }, 30_000);
});
