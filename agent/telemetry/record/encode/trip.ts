import { type Energy, writeEnergy } from "./energy.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type Position, writePosition } from "./trigger.ts";

/** Field numbers of config/proto/telemetry.proto. */
const TRIP = {
  trip: 3,
  phase: 4,
  timeUs: 5,
  beganUs: 6,
  lastedMs: 7,
  interrupted: 8,
  odometerKm: 9,
  beganOdometerKm: 10,
  energy: 11,
  position: 12,
} as const;

/** A trip begins or ends. */
export type TripEvent = {
  /** Counts the trips of the vehicle from 1 over the life of its journal. */
  readonly trip: number;
  readonly phase: "begin" | "end";
  /** µs since the Unix epoch. Of an end that is interrupted: the last time at which it was known to go on. */
  readonly timeUs: number;
  /** When it began, µs since the Unix epoch as the clock was then. */
  readonly beganUs: number;
  /** Of an end: how long it took, by a clock that nobody sets. */
  readonly lastedMs?: number | undefined;
  /** Of an end: nobody saw it, as the agent or the whole system was off. */
  readonly isInterrupted: boolean;
  readonly odometerKm?: number | undefined;
  /** Of an end: what the odometer said when it began. */
  readonly beganOdometerKm?: number | undefined;
  readonly energy?: Energy | undefined;
  readonly position?: Position | undefined;
};

/** Writes what a `Trip` message has of its own. */
export function writeTrip(writer: ProtobufWriter, event: TripEvent): void {
  const { odometerKm, beganOdometerKm } = event;
  writer.uintField(TRIP.trip, event.trip);
  writer.stringField(TRIP.phase, event.phase);
  writer.sintField(TRIP.timeUs, event.timeUs);
  writer.sintField(TRIP.beganUs, event.beganUs);
  if (event.lastedMs !== undefined) writer.presentUintField(TRIP.lastedMs, event.lastedMs);
  writer.uintField(TRIP.interrupted, event.isInterrupted ? 1 : 0);
  if (odometerKm !== undefined) writer.presentDoubleField(TRIP.odometerKm, odometerKm);
  if (beganOdometerKm !== undefined) writer.presentDoubleField(TRIP.beganOdometerKm, beganOdometerKm);
  if (event.energy !== undefined) writeEnergy(writer, TRIP.energy, event.energy);
  if (event.position !== undefined) writePosition(writer, TRIP.position, event.position);
}
