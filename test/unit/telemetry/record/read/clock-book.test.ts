import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClockBook } from "../../../../../agent/telemetry/record/read/clock-book.ts";
import { isByAnchor, type TimeBasis } from "../../../../../agent/telemetry/record/read/correct-times.ts";
import { ClockedVehicle, samplesByBus } from "../../../../fakes/telemetry/clocked-vehicle.ts";

const SEED = 1712;
const NEW_YEAR_US = 1_767_225_600_000_000;
const YEAR_US = 365.25 * 86_400_000_000;
const UNSET = { wallUs: 40_000_000, quality: "unsynchronised" } as const;

type Judged = {
  readonly basis: TimeBasis;
  readonly errorMs: number;
  readonly toldMs: number | undefined;
  readonly shiftUs: number;
  readonly boot: number;
};

/** Every sample of a vehicle after correction, beside the truth; that none is missing and that their order holds is checked at once. */
function judge(vehicle: ClockedVehicle): readonly Judged[] {
  const records = vehicle.records();
  const book = new ClockBook();
  for (const record of records) book.learn(record);
  return samplesByBus(records).flatMap((samples, bus) => {
    const receipts = vehicle.truth[bus];
    expect(samples).toHaveLength(receipts.length);
    let [lastUs, lastBoot] = [Number.NEGATIVE_INFINITY, 0];
    return samples.map(({ record, timeUs }, at): Judged => {
      const { shiftUs, basis, errorMs: toldMs } = book.correctionOf(record);
      const { trueUs, boot } = receipts[at];
      const rightUs = timeUs + shiftUs;
      if (basis !== "unknown") {
        if (boot === lastBoot) expect(rightUs).toBeGreaterThanOrEqual(lastUs);
        [lastUs, lastBoot] = [rightUs, boot];
      }
      return { basis, errorMs: Math.abs(rightUs - trueUs) / 1000, toldMs, shiftUs, boot };
    });
  });
}

/** Frames on both buses for a while. */
function drive(vehicle: ClockedVehicle, ms: number): void {
  for (let at = 0; at < ms; at += 20) {
    vehicle.pass(20);
    vehicle.frame(at % 40 === 0 ? 0 : 1);
  }
}

function worst(judged: readonly Judged[]): number {
  return Math.max(0, ...judged.map(({ errorMs }) => errorMs));
}

function bases(judged: readonly Judged[]): readonly TimeBasis[] {
  return [...new Set(judged.map(({ basis }) => basis))];
}

describe("ClockBook", () => {
  it("makes right what a boot at 1970 recorded until its clock was set, and leaves what came after", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot({ wallUs: 0, quality: "unsynchronised" });
    drive(vehicle, 20_000);
    vehicle.set(vehicle.trueUs, "ntp");
    drive(vehicle, 20_000);
    const judged = judge(vehicle);
    expect(bases(judged)).toEqual(["corrected", "clock"]);
    expect(judged.filter(({ basis }) => basis === "clock").every(({ shiftUs }) => shiftUs === 0)).toBe(true);
    expect(judged).toHaveLength(2000);
    expect(worst(judged)).toBeLessThanOrEqual(1);
  });

  it.each([10, -10])("makes right what lies behind a step of %d years in the middle of a drive", (years) => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
    drive(vehicle, 10_000);
    vehicle.set(vehicle.clock.wallUs() + years * YEAR_US, "unsynchronised");
    drive(vehicle, 10_000);
    vehicle.suspend(3_600_000);
    drive(vehicle, 2000);
    vehicle.set(vehicle.trueUs, "ntp");
    drive(vehicle, 10_000);
    const judged = judge(vehicle);
    expect(bases(judged)).toEqual(["clock", "corrected"]);
    expect(worst(judged)).toBeLessThanOrEqual(1);
  });

  it("stays within 10 ms where the clock drifts by 50 ppm between the record and the time, and says how far it may be off", () => {
    for (const ppm of [50, -50]) {
      const vehicle = new ClockedVehicle(NEW_YEAR_US);
      vehicle.drift = ppm / 1e6;
      vehicle.boot(UNSET);
      drive(vehicle, 180_000);
      vehicle.set(vehicle.trueUs, "ntp");
      drive(vehicle, 5000);
      const judged = judge(vehicle);
      expect(worst(judged)).toBeGreaterThan(8);
      expect(worst(judged)).toBeLessThanOrEqual(10);
      for (const { errorMs, toldMs } of judged) expect(errorMs).toBeLessThanOrEqual(toldMs ?? 0);
    }
  });

  it("goes evenly from one moment to the next of a long boot, so that drift does not add up", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.drift = 50e-6;
    vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
    drive(vehicle, 5000);
    vehicle.set(0, "unsynchronised");
    vehicle.pass(3 * 3_600_000);
    drive(vehicle, 5000);
    vehicle.pass(7 * 3_600_000);
    drive(vehicle, 5000);
    vehicle.set(vehicle.trueUs, "ntp");
    drive(vehicle, 5000);
    expect(worst(judge(vehicle))).toBeLessThanOrEqual(2);
  });

  it("places a boot that was never set between its neighbours, and says how far that may be off", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
    drive(vehicle, 5000);
    vehicle.boot(UNSET, 600_000);
    drive(vehicle, 5000);
    vehicle.boot({ wallUs: 0, quality: "unsynchronised" }, 300_000);
    drive(vehicle, 5000);
    vehicle.boot({ wallUs: vehicle.trueUs + 900_000_000, quality: "ntp" }, 900_000);
    drive(vehicle, 5000);
    const judged = judge(vehicle);
    for (const boot of [1, 4]) expect(bases(judged.filter((one) => one.boot === boot))).toEqual(["clock"]);
    for (const boot of [2, 3]) {
      const of = judged.filter((one) => one.boot === boot);
      expect(bases(of)).toEqual(["guessed"]);
      // Of the 1807 s between, each of the two has run 8 s: it is half of the rest.
      expect(of[0].toldMs).toBeGreaterThan(895_000);
      expect(of[0].toldMs).toBeLessThan(896_000);
      for (const { errorMs, toldMs } of of) expect(errorMs).toBeLessThanOrEqual(toldMs ?? 0);
    }
  });

  it("leaves a saved time where it is when it fits, and says nothing of a boot that nothing bounds", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
    drive(vehicle, 5000);
    const savedUs = vehicle.clock.wallUs();
    vehicle.boot({ wallUs: savedUs + 4_000_000, quality: "saved" }, 120_000);
    drive(vehicle, 5000);
    vehicle.boot({ wallUs: vehicle.trueUs + 60_000_000, quality: "ntp" }, 60_000);
    drive(vehicle, 5000);
    vehicle.boot(UNSET, 60_000);
    drive(vehicle, 5000);
    const judged = judge(vehicle);
    const [second, last] = [2, 4].map((boot) => judged.filter((one) => one.boot === boot));
    expect(bases(second)).toEqual(["guessed"]);
    for (const { errorMs, toldMs, shiftUs } of second) {
      expect(shiftUs).toBe(0);
      expect(errorMs).toBeLessThanOrEqual(toldMs ?? 0);
    }
    expect(bases(last)).toEqual(["unknown"]);
  });

  it("works beyond 2038, where 32 bits of seconds end", () => {
    const endUs = 2_147_483_647_000_000;
    const vehicle = new ClockedVehicle(endUs - 5_000_000);
    vehicle.boot({ wallUs: 0, quality: "unsynchronised" });
    drive(vehicle, 2000);
    vehicle.set(vehicle.trueUs, "ntp");
    drive(vehicle, 10_000);
    const judged = judge(vehicle);
    expect(vehicle.trueUs).toBeGreaterThan(endUs);
    expect(worst(judged)).toBeLessThanOrEqual(1);
  });

  it("holds its order over a leap second, in which the clock is set back by one", () => {
    const vehicle = new ClockedVehicle(NEW_YEAR_US);
    vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
    drive(vehicle, 5000);
    vehicle.set(vehicle.clock.wallUs() - 1_000_000, "ntp");
    drive(vehicle, 5000);
    // Both sides are right by UTC, which has that second twice: neither is moved.
    const records = vehicle.records();
    const book = new ClockBook();
    for (const record of records) book.learn(record);
    for (const record of records) expect(book.correctionOf(record)).toMatchObject({ shiftUs: 0, basis: "clock" });
  });
});

describe("isByAnchor", () => {
  const anchor = { monotonicUs: 60_000_000, suspendedUs: 40_000_000, wallUs: NEW_YEAR_US, quality: "ntp" } as const;
  const bootUs = NEW_YEAR_US - 100_000_000;

  it("knows a time that was kept from an earlier boot, whichever clock was ahead", () => {
    expect(isByAnchor(anchor, bootUs)).toBe(true);
    expect(isByAnchor(anchor, bootUs - 6_000_000)).toBe(false);
    expect(isByAnchor(anchor, 3_000_000)).toBe(false);
    expect(isByAnchor({ ...anchor, wallUs: 100_000_000 }, NEW_YEAR_US)).toBe(false);
  });

  it("bears the end of a window that was cut short, and what stands for records of hours", () => {
    expect(isByAnchor(anchor, NEW_YEAR_US + 7_200_000_000)).toBe(true);
  });
});

type Op =
  | { readonly kind: "frame"; readonly bus: 0 | 1; readonly afterMs: number }
  | { readonly kind: "wrong"; readonly byMs: number }
  | { readonly kind: "sync" }
  | { readonly kind: "suspend"; readonly ms: number }
  | { readonly kind: "boot"; readonly offMs: number; readonly yearsOff: number; readonly isNative: boolean };

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant("frame" as const),
      bus: fc.constantFrom(0 as const, 1 as const),
      afterMs: fc.nat(30),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("wrong" as const),
      byMs: fc
        .oneof(fc.constantFrom(3.2e11, -3.2e11), fc.integer({ min: -1e8, max: 1e8 }))
        .filter((ms) => Math.abs(ms) >= 100),
    }),
  },
  { weight: 5, arbitrary: fc.constant({ kind: "sync" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("suspend" as const), ms: fc.integer({ min: 2, max: 1e8 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("boot" as const),
      offMs: fc.integer({ min: 5000, max: 1e9 }),
      yearsOff: fc.integer({ min: -55, max: 55 }).filter((years) => years !== 0),
      isNative: fc.boolean(),
    }),
  },
);

/** Which boots had the right time at any moment of a record, and the vehicle. */
function play(ops: readonly Op[]): ClockedVehicle {
  const vehicle = new ClockedVehicle(NEW_YEAR_US);
  vehicle.boot(UNSET);
  for (const one of ops) {
    if (one.kind === "frame") {
      vehicle.pass(one.afterMs);
      vehicle.frame(one.bus);
    } else if (one.kind === "sync") {
      vehicle.set(vehicle.trueUs, "ntp");
    } else if (one.kind === "wrong") {
      vehicle.set(vehicle.clock.wallUs() + one.byMs * 1000, "unsynchronised");
    } else if (one.kind === "suspend") {
      vehicle.suspend(one.ms);
    } else {
      const wallUs = NEW_YEAR_US + one.yearsOff * YEAR_US;
      vehicle.boot({ wallUs, quality: "unsynchronised", isNative: one.isNative }, one.offMs);
    }
  }
  return vehicle;
}

describe("the times of any history of steps, suspends and boots", () => {
  it("are right to 10 ms where a boot ever knew the time, within what is told where they are guessed, and in order", () => {
    let samples = 0;
    const seen = new Map<TimeBasis, number>();
    fc.assert(
      fc.property(fc.array(op, { minLength: 100, maxLength: 500 }), (ops) => {
        const vehicle = play(ops);
        const judged = judge(vehicle);
        const known = new Set(judged.filter(({ basis }) => basis === "clock").map(({ boot }) => boot));
        for (const { basis, errorMs, toldMs, boot } of judged) {
          samples += 1;
          seen.set(basis, (seen.get(basis) ?? 0) + 1);
          if (known.has(boot)) expect(basis).not.toBe("unknown");
          if (basis === "clock" || basis === "corrected") expect(errorMs).toBeLessThanOrEqual(10);
          if (basis === "guessed") expect(errorMs).toBeLessThanOrEqual(toldMs ?? 0);
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
    for (const basis of ["clock", "corrected", "guessed", "unknown"] as const)
      expect(seen.get(basis)).toBeGreaterThan(100);
    expect(samples).toBeGreaterThan(10_000);
  });
});
