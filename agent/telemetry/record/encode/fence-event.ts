import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type Position, writePosition } from "./trigger.ts";

/** Field numbers of config/proto/telemetry.proto. */
const FENCE_EVENT = {
  number: 1,
  repeated: 2,
  name: 3,
  transition: 4,
  timeUs: 5,
  trip: 6,
  odometerKm: 7,
  position: 8,
} as const;
const PRIVACY_CHANGE = { number: 1, repeated: 2, isPrivate: 3, by: 4, timeUs: 5 } as const;

type Number = { readonly number: number; readonly isRepeated: boolean };

/** The vehicle has come into a fence, or left it. */
export type FenceEvent = {
  readonly name: string;
  readonly transition: "enter" | "leave";
  /** µs since the Unix epoch, of the fix that decided. */
  readonly timeUs: number;
  /** The trip that it is on; 0 none. */
  readonly trip: number;
  readonly odometerKm?: number | undefined;
  readonly position?: Position | undefined;
};

/** Somebody in the vehicle keeps its positions there from now on, or does so no more. */
export type PrivacyChange = {
  readonly isPrivate: boolean;
  readonly by: "signal" | "technician";
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Writes the `FenceEvent` message as field `field`. */
export function writeFenceEvent(writer: ProtobufWriter, field: number, event: FenceEvent & Number): void {
  writer.begin(field, 128);
  writer.uintField(FENCE_EVENT.number, event.number);
  writer.uintField(FENCE_EVENT.repeated, event.isRepeated ? 1 : 0);
  writer.stringField(FENCE_EVENT.name, event.name);
  writer.stringField(FENCE_EVENT.transition, event.transition);
  writer.sintField(FENCE_EVENT.timeUs, event.timeUs);
  writer.uintField(FENCE_EVENT.trip, event.trip);
  if (event.odometerKm !== undefined) writer.presentDoubleField(FENCE_EVENT.odometerKm, event.odometerKm);
  if (event.position !== undefined) writePosition(writer, FENCE_EVENT.position, event.position);
  writer.end();
}

/** Writes the `PrivacyChange` message as field `field`. */
export function writePrivacyChange(writer: ProtobufWriter, field: number, event: PrivacyChange & Number): void {
  writer.begin(field, 32);
  writer.uintField(PRIVACY_CHANGE.number, event.number);
  writer.uintField(PRIVACY_CHANGE.repeated, event.isRepeated ? 1 : 0);
  writer.uintField(PRIVACY_CHANGE.isPrivate, event.isPrivate ? 1 : 0);
  writer.stringField(PRIVACY_CHANGE.by, event.by);
  writer.sintField(PRIVACY_CHANGE.timeUs, event.timeUs);
  writer.end();
}
