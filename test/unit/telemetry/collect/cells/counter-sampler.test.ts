import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CellPlace } from "../../../../../agent/telemetry/collect/cells/cell-ledger.ts";
import { CounterSampler, type CounterSettings } from "../../../../../agent/telemetry/collect/cells/counter-sampler.ts";
import { KeptStore, plainReport, runCells, runKilled } from "../../../../fakes/telemetry/cell-rig.ts";
import { inputOf, Readings, signalEntry, stepsOf } from "../../../../fakes/telemetry/sampler-rig.ts";

const SEED = 1410;
const PERIOD = { everyMs: 86_400_000 * 365, perTrip: true };

/** Counts raw values of one signal, as [count, skipped, left out]. */
function counted(
  of: CounterSettings["of"],
  raws: readonly (number | bigint)[],
  facts: Parameters<typeof signalEntry>[1] = {},
): number[] {
  const store = new KeptStore();
  const sampler = new CounterSampler({ of, ...PERIOD }, store.place());
  const signal = signalEntry(0, facts);
  sampler.add(inputOf(0, { signal, isWide: signal.kind === "integer" && signal.bits > 53 }));
  const readings = new Readings();
  for (const raw of raws) readings.give(sampler, { local: 0, us: 0, raw });
  sampler.ledger.retire();
  store.flush(sampler);
  return store.reports.flatMap(({ cells, skipped, leftOut }) => [cells[0], skipped, leftOut]);
}

describe("CounterSampler", () => {
  it("takes signals on in time that grows with their number", () => {
    const sampler = new CounterSampler({ of: "samples", ...PERIOD }, new KeptStore().place());
    const start = process.cpuUsage();
    for (let slot = 0; slot < 10_000; slot++) sampler.add(inputOf(slot));
    const { user } = process.cpuUsage(start);
    expect(user / 1e6).toBeLessThan(3);
    expect(sampler.ledger.refusedSignals).toBeGreaterThan(5000);
  });

  it("counts samples, and those that differ from the one before", () => {
    const raws = [1, 1, 2, Number.NaN, 2, -0, 0];
    expect(counted("samples", raws, { kind: "double" })).toEqual([6, 0, 1]);
    expect(counted("changes", raws, { kind: "double" })).toEqual([3, 0, 1]);
    expect(counted("changes", [5, -5, 5, 5], { signed: true })).toEqual([2, 0, 0]);
  });

  it("counts the increase of a counter over its wrap, whatever its width", () => {
    expect(counted("increase", [250, 255, 3], { bits: 8 })).toEqual([9, 0, 0]);
    expect(counted("increase", [126, -128, -120], { bits: 8, signed: true })).toEqual([10, 0, 0]);
    expect(counted("increase", [2 ** 32 - 1, 0], { bits: 32 })).toEqual([1, 0, 0]);
    expect(counted("increase", [2 ** 32 - 1, 2 ** 32 + 4], { bits: 33 })).toEqual([5, 0, 0]);
    expect(counted("increase", [2 ** 53 - 1, 1], { bits: 53 })).toEqual([2, 0, 0]);
    expect(counted("increase", [2n ** 62n, 2n ** 62n + 3n, -(2n ** 63n)], { bits: 64 })).toEqual([3, 1, 0]);
    expect(counted("increase", [-1n, 4n], { bits: 64 })).toEqual([5, 0, 0]);
  });

  it("skips a step back, of a counter that was set to zero", () => {
    expect(counted("increase", [100, 0, 10], { bits: 16 })).toEqual([10, 1, 0]);
    expect(counted("increase", [0, 127, 255], { bits: 8 })).toEqual([127, 1, 0]);
    expect(counted("increase", [1, 2], { kind: "float" })).toEqual([0, 1, 0]);
  });

  it(`agrees with whole numbers (seed ${SEED})`, () => {
    const run = fc.property(
      fc.integer({ min: 2, max: 64 }),
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      fc.boolean(),
      (bits, bigs, signed) => {
        const wrapped = bigs.map((value) =>
          signed ? BigInt.asIntN(bits, value >> BigInt(64 - bits)) : BigInt.asUintN(bits, value),
        );
        let rises = 0n;
        let skipped = 0;
        wrapped.slice(1).forEach((value, at) => {
          const rise = BigInt.asUintN(bits, value - wrapped[at]);
          if (rise < 1n << BigInt(bits - 1) && rise < 2n ** 53n) rises += rise;
          else skipped += 1;
        });
        fc.pre(rises < 2n ** 53n);
        const raws = wrapped.map((value) => (bits > 53 ? BigInt.asIntN(64, value) : Number(value)));
        expect(counted("increase", raws, { bits, signed })).toEqual(
          bigs.length === 0 ? [] : [Number(rises), skipped, 0],
        );
      },
    );
    fc.assert(run, { seed: SEED, numRuns: 2000 });
  });

  it(`is after any kill what the committed samples give (seed ${SEED})`, () => {
    const steps = stepsOf(1000, fc.integer({ min: 0, max: 65_535 })).map((list) =>
      list.map((step) => (step.kind === "close" ? { ...step, nowMs: 0 } : step)),
    );
    for (const of of ["samples", "changes", "increase"] as const) {
      const make = (place: CellPlace): CounterSampler => new CounterSampler({ of, ...PERIOD }, place);
      const run = fc.property(steps, fc.array(fc.nat(59), { maxLength: 4 }), (list, kills) => {
        const { store, committed } = runKilled(make, list, kills);
        const texts = (reports: typeof store.reports): string[] =>
          reports.map((one) => JSON.stringify(plainReport(one))).toSorted();
        expect(texts(store.reports)).toEqual(texts(runCells(make, committed).reports));
      });
      fc.assert(run, { seed: SEED, numRuns: 200 });
    }
  }, 30_000);
});
