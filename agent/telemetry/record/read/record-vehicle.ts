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
