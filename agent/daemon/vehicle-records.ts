import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import type { VehicleEvent } from "../telemetry/record/encode/vehicle-event.ts";
import { keptValue } from "./code-records.ts";

/** Keys among the kept values of the outbox: numbers of the newest event of the vehicle, and of the newest trip. */
export const VEHICLE_NUMBER_KEY = "vehicle/number";
export const TRIP_NUMBER_KEY = "vehicle/trip";

/** Takes events of the vehicle, each into a record with its number as a kept value: what was stored is known after any power cut. */
export function vehicleSink(
  encoder: Encoder,
  store: (drafts: readonly EncodedDraft[]) => void,
  isStored: () => boolean,
): RecordSink<VehicleEvent> {
  const keptOf = (event: VehicleEvent) => [
    keptValue(VEHICLE_NUMBER_KEY, event.number),
    ...(event.kind === "trip" ? [keptValue(TRIP_NUMBER_KEY, event.trip)] : []),
  ];
  return {
    handOver: (events) => store(events.map((event) => ({ ...encoder.vehicleEvent(event), kept: keptOf(event) }))),
    hasRoom: () => true,
    isStored,
  };
}
