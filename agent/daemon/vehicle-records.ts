import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import type { VehicleEvent } from "../telemetry/record/encode/vehicle-event.ts";
import { keptValue } from "./code-records.ts";

/** Keys among the kept values of the outbox: numbers of the newest event of the vehicle, and of the newest trip. */
export const VEHICLE_NUMBER_KEY = "vehicle/number";
export const TRIP_NUMBER_KEY = "vehicle/trip";

/** Draft of an event of the vehicle, with its number as a kept value: what was stored is known after any power cut. */
export function vehicleDraft(encoder: Encoder, event: VehicleEvent): EncodedDraft {
  const numbers = [
    keptValue(VEHICLE_NUMBER_KEY, event.number),
    ...(event.kind === "trip" ? [keptValue(TRIP_NUMBER_KEY, event.trip)] : []),
  ];
  return { ...encoder.vehicleEvent(event), kept: numbers };
}
