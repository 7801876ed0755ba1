import type { RecordBody } from "./decoded-record.ts";
import { positionOf } from "./record-campaigns.ts";
import type { WireRecord } from "./record-schema.ts";

/** The vehicle has begun to do something else. */
export function vehicleStateChangeOf(wire: NonNullable<WireRecord["vehicle_state_change"]>): RecordBody {
  const { number, repeated: isRepeated, state, before, why, trip, odometer_km: odometerKm } = wire;
  const { time_us: timeUs, lasted_ms: lastedMs, energy } = wire;
  const about = { number, isRepeated, state, before, why, timeUs, lastedMs, trip, odometerKm };
  return { kind: "vehicle-state-change", ...about, energy: energy ?? undefined };
}

/** A trip begins or ends. */
export function tripOf(wire: NonNullable<WireRecord["trip"]>): RecordBody {
  const { number, repeated: isRepeated, trip, phase, interrupted: isInterrupted, lasted_ms: lastedMs } = wire;
  const { time_us: timeUs, began_us: beganUs, odometer_km: odometerKm, energy } = wire;
  const about = { number, isRepeated, trip, phase, timeUs, beganUs, lastedMs, isInterrupted, odometerKm };
  const ends = { beganOdometerKm: wire.began_odometer_km, energy: energy ?? undefined };
  return { kind: "trip", ...about, ...ends, position: positionOf(wire.position) };
}

/** The vehicle has woken. */
export function wakeOf(wire: NonNullable<WireRecord["wake"]>): RecordBody {
  const { number, repeated: isRepeated, time_us: timeUs, cause, name, check_in: isCheckIn, unplanned, most } = wire;
  const { slept_ms: sleptMs, suspended_ms: suspendedMs, over_budget: isOverBudget } = wire;
  const buses = wire.buses.map(({ bus, first_id: id, extended, first_after_ms: afterMs, lost }) => ({
    bus,
    first: id === undefined || afterMs === undefined ? undefined : { id, extended, afterMs },
    lost,
  }));
  const about = { number, isRepeated, timeUs, cause, name, isCheckIn, sleptMs, suspendedMs, buses };
  return { kind: "wake", ...about, unplanned, most, isOverBudget };
}

/** The vehicle has come into a fence, or left it. */
export function fenceEventOf(wire: NonNullable<WireRecord["fence_event"]>): RecordBody {
  const { number, repeated: isRepeated, name, transition, time_us: timeUs, trip, odometer_km: odometerKm } = wire;
  const about = { number, isRepeated, name, transition, timeUs, trip, odometerKm };
  return { kind: "fence-event", ...about, position: positionOf(wire.position) };
}

/** Somebody in the vehicle keeps its positions there, or does so no more. */
export function privacyChangeOf(wire: NonNullable<WireRecord["privacy_change"]>): RecordBody {
  const { number, repeated: isRepeated, private: isPrivate, by, time_us: timeUs } = wire;
  return { kind: "privacy-change", number, isRepeated, isPrivate, by, timeUs };
}
