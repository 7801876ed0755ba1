import type { EventNumber } from "../../durable-records/numbered-events.ts";
import { type FenceEvent, type PrivacyChange, writeFenceEvent, writePrivacyChange } from "./fence-event.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type TripEvent, writeTrip } from "./trip.ts";
import { type VehicleStateChange, writeVehicleStateChange } from "./vehicle-state-change.ts";
import { type WakeEvent, writeWake } from "./wake.ts";

/** Field numbers of config/proto/telemetry.proto, in the messages of all kinds. */
const EVENT = { number: 1, repeated: 2 } as const;

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
  writer.begin(fields[event.kind], 128);
  writer.uintField(EVENT.number, event.number);
  writer.uintField(EVENT.repeated, event.isRepeated ? 1 : 0);
  writeOwn(writer, event);
  writer.end();
}

function writeOwn(writer: ProtobufWriter, event: VehicleChange): void {
  switch (event.kind) {
    case "state":
      return writeVehicleStateChange(writer, event);
    case "trip":
      return writeTrip(writer, event);
    case "wake":
      return writeWake(writer, event);
    case "fence":
      return writeFenceEvent(writer, event);
    case "privacy":
      return writePrivacyChange(writer, event);
  }
}
