import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VehicleEvent } from "../../../../../agent/telemetry/record/encode/vehicle-event.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";
import { VEHICLE_EVENTS } from "../../../../fakes/telemetry/vehicle-events.ts";

const SEED = 17;
const reader = createRecordReader(readDescriptor());
const encoder = encoderOf(tableOf([]));
const KINDS = {
  state: "vehicle-state-change",
  trip: "trip",
  wake: "wake",
  fence: "fence-event",
  privacy: "privacy-change",
} as const;

function roundTrip(event: VehicleEvent) {
  return reader.decode(encoder.vehicleEvent(event).seal(idOf(3, "event"))).body;
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const us = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const count = fc.integer({ min: 0, max: 2 ** 52 });
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const shared = {
  number: fc.integer({ min: 1, max: 2 ** 52 }),
  isRepeated: fc.boolean(),
  timeUs: us,
  lastedMs: optional(fc.integer({ min: 0, max: 2 ** 52 })),
  odometerKm: optional(double),
  energy: optional(fc.record({ value: double, unit: fc.string({ maxLength: 32 }) })),
};
const state = fc.constantFrom("driving", "parked", "asleep-soon");
const position = optional(
  fc.record({
    latitude: double,
    longitude: double,
    altitude: optional(double),
    accuracy: optional(double),
    timeUs: us,
  }),
);
const { number, isRepeated, timeUs, odometerKm } = shared;
const event: fc.Arbitrary<VehicleEvent> = fc.oneof(
  fc.record({
    number,
    isRepeated,
    timeUs,
    odometerKm,
    kind: fc.constant("fence"),
    name: fc.string({ maxLength: 64 }),
    transition: fc.constantFrom("enter", "leave"),
    trip: fc.integer({ min: 0, max: 2 ** 52 }),
    position,
  }),
  fc.record({
    number,
    isRepeated,
    timeUs,
    kind: fc.constant("privacy"),
    isPrivate: fc.boolean(),
    by: fc.constantFrom("signal", "technician"),
  }),
  fc.record({
    ...shared,
    kind: fc.constant("state"),
    state,
    before: state,
    why: fc.string({ maxLength: 300 }),
    trip: fc.integer({ min: 0, max: 2 ** 52 }),
  }),
  fc.record({
    ...shared,
    kind: fc.constant("trip"),
    trip: fc.integer({ min: 1, max: 2 ** 52 }),
    phase: fc.constantFrom("begin", "end"),
    beganUs: us,
    isInterrupted: fc.boolean(),
    beganOdometerKm: optional(double),
    position,
  }),
  fc.record({
    number: shared.number,
    isRepeated: fc.boolean(),
    timeUs: us,
    kind: fc.constant("wake"),
    cause: fc.constantFrom("can", "rtc", "unknown"),
    name: fc.string({ maxLength: 30 }),
    isCheckIn: fc.boolean(),
    sleptMs: count,
    suspendedMs: count,
    buses: fc.array(
      fc.record({
        bus: fc.string({ maxLength: 32 }),
        first: optional(
          fc.record({ id: fc.integer({ min: 0, max: 0x1fff_ffff }), extended: fc.boolean(), afterMs: count }),
        ),
        lost: optional(count),
      }),
      { maxLength: 4 },
    ),
    unplanned: count,
    most: optional(count),
    isOverBudget: fc.boolean(),
  }),
);

describe("Encoder.vehicleEvent", () => {
  it("is read back as it was told", () => {
    for (const one of VEHICLE_EVENTS) expect(roundTrip(one)).toEqual({ ...one, kind: KINDS[one.kind] });
  });

  it(`is read back as it was told, at random, seed ${SEED}`, () => {
    fc.assert(
      fc.property(event, (one) => {
        expect(roundTrip(one)).toEqual({ ...one, kind: KINDS[one.kind] });
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("cuts what is for people, and is not compressed, for the rules of a cloud", () => {
    const [change] = VEHICLE_EVENTS;
    expect(roundTrip({ ...change, why: "x".repeat(5000) })).toMatchObject({ why: "x".repeat(300) });
    expect(encoder.vehicleEvent(change).seal(idOf(1, "event"))[0]).toBe(0x0a);
  });
});
