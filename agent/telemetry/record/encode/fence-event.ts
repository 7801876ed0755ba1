import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type Position, writePosition } from "./trigger.ts";

/** Field numbers of config/proto/telemetry.proto. */
const FENCE_EVENT = { name: 3, transition: 4, timeUs: 5, trip: 6, odometerKm: 7, position: 8 } as const;
const PRIVACY_CHANGE = { isPrivate: 3, by: 4, timeUs: 5 } as const;

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

/** Writes what a `FenceEvent` message has of its own. */
export function writeFenceEvent(writer: ProtobufWriter, event: FenceEvent): void {
  writer.stringField(FENCE_EVENT.name, event.name);
  writer.stringField(FENCE_EVENT.transition, event.transition);
  writer.sintField(FENCE_EVENT.timeUs, event.timeUs);
  writer.uintField(FENCE_EVENT.trip, event.trip);
  if (event.odometerKm !== undefined) writer.presentDoubleField(FENCE_EVENT.odometerKm, event.odometerKm);
  if (event.position !== undefined) writePosition(writer, FENCE_EVENT.position, event.position);
}

/** Writes what a `PrivacyChange` message has of its own. */
export function writePrivacyChange(writer: ProtobufWriter, event: PrivacyChange): void {
  writer.uintField(PRIVACY_CHANGE.isPrivate, event.isPrivate ? 1 : 0);
  writer.stringField(PRIVACY_CHANGE.by, event.by);
  writer.sintField(PRIVACY_CHANGE.timeUs, event.timeUs);
}
