import type { EventNumber } from "../../durable-records/numbered-events.ts";
import { type FenceEvent, type PrivacyChange, writeFenceEvent, writePrivacyChange } from "./fence-event.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type TripEvent, writeTrip } from "./trip.ts";
import { type VehicleStateChange, writeVehicleStateChange } from "./vehicle-state-change.ts";
import { type WakeEvent, writeWake } from "./wake.ts";

/** What is told of the vehicle's use, before it is numbered. */
export type VehicleChange =
  | ({ readonly kind: "state" } & VehicleStateChange)
  | ({ readonly kind: "trip" } & TripEvent)
  | ({ readonly kind: "wake" } & WakeEvent)
  | ({ readonly kind: "fence" } & FenceEvent)
  | ({ readonly kind: "privacy" } & PrivacyChange);

/** The same with its number, which all kinds share. */
export type VehicleEvent = VehicleChange & EventNumber;

/** Writes an event of the vehicle as the body that its kind has in `Record`, by its number there. */
export function writeVehicleEvent(
  writer: ProtobufWriter,
  fields: Readonly<Record<VehicleEvent["kind"], number>>,
  event: VehicleEvent,
): void {
  const field = fields[event.kind];
  switch (event.kind) {
    case "state":
      writeVehicleStateChange(writer, field, event);
      return;
    case "trip":
      writeTrip(writer, field, event);
      return;
    case "wake":
      writeWake(writer, field, event);
      return;
    case "fence":
      writeFenceEvent(writer, field, event);
      return;
    case "privacy":
      writePrivacyChange(writer, field, event);
  }
}
