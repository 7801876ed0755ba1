import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { ClockedVehicle, samplesByBus } from "../../fakes/telemetry/clocked-vehicle.ts";

const SEED = 17;
const YEAR_MS = 365.25 * 86_400_000;
const UNSET = { wallUs: 90_000_000, quality: "unsynchronised" } as const;
const NEW_YEAR_US = 1_767_225_600_000_000;

/** Boottime of each sample of each bus in the order of the records, by the anchor of its record, ms. */
function boottimes(records: readonly DecodedRecord[]): readonly (readonly number[])[] {
  return samplesByBus(records).map((samples) =>
    samples.map(({ record: { anchor }, timeUs }) => {
      const distanceUs = anchor.wallUs - anchor.monotonicUs - (anchor.suspendedUs ?? 0);
      return (timeUs - distanceUs) / 1000;
    }),
  );
}

type Op =
  | { readonly kind: "frame"; readonly bus: 0 | 1; readonly afterMs: number }
  | { readonly kind: "drain"; readonly bus: 0 | 1 }
  | { readonly kind: "step"; readonly ms: number }
  | { readonly kind: "suspend"; readonly ms: number };

const bus = fc.constantFrom(0 as const, 1 as const);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 60, arbitrary: fc.record({ kind: fc.constant("frame" as const), bus, afterMs: fc.nat(9) }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("drain" as const), bus }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      ms: fc.oneof(fc.constantFrom(10 * YEAR_MS, -10 * YEAR_MS, 200, -200), fc.integer({ min: -9e6, max: 9e6 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("suspend" as const), ms: fc.integer({ min: 2, max: 9e6 }) }),
  },
);

function run(ops: readonly Op[], isNative: boolean): ClockedVehicle {
  const vehicle = new ClockedVehicle(NEW_YEAR_US);
  vehicle.boot({ ...UNSET, isNative });
  for (const one of ops) {
    if (one.kind === "frame") {
      vehicle.pass(one.afterMs);
      vehicle.frame(one.bus);
    } else if (one.kind === "drain") {
      vehicle.drain(one.bus);
    } else if (one.kind === "suspend") {
      vehicle.suspend(one.ms);
    } else if (Math.abs(one.ms) >= 100) {
      vehicle.set(vehicle.clock.wallUs() + one.ms * 1000, "unsynchronised");
    }
  }
  return vehicle;
}

describe("a pipeline whose clock is set while it collects", () => {
  it.each([true, false])("has an anchor for every sample by which its time is right (native %s)", (isNative) => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 400 }), (ops) => {
        const vehicle = run(ops, isNative);
        const found = boottimes(vehicle.records());
        vehicle.truth.forEach((receipts, at) => {
          expect(found[at]).toHaveLength(receipts.length);
          const errorMs = found[at].map((ms, number) => Math.abs(ms - receipts[number].boottimeMs));
          expect(Math.max(0, ...errorMs)).toBeLessThanOrEqual(0.01);
        });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("makes no record more while nobody sets the clock", () => {
    const frames = Array.from(
      { length: 3000 },
      (_, at): Op => ({ kind: "frame", bus: at % 2 === 0 ? 0 : 1, afterMs: 1 }),
    );
    expect(run(frames, true).records()).toHaveLength(13);
  });

  it("says of what was stamped before a step what that clock was worth then", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot(UNSET);
    vehicle.frame(0);
    vehicle.drain(0);
    vehicle.set(NEW_YEAR_US, "ntp");
    vehicle.frame(0);
    const anchors = vehicle.records().map(({ anchor }) => anchor);
    expect(anchors).toEqual([
      { monotonicUs: 3_000_000, wallUs: 90_000_000, quality: "unsynchronised" },
      { monotonicUs: 3_000_000, wallUs: NEW_YEAR_US, quality: "ntp" },
    ]);
  });
});
