import { type Energy, writeEnergy } from "./energy.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const CHANGE = {
  state: 3,
  before: 4,
  why: 5,
  timeUs: 6,
  lastedMs: 7,
  trip: 8,
  odometerKm: 9,
  energy: 10,
} as const;

/** A `why` is for people; what is longer is cut, so that a change always fits its record. */
const MAX_WHY_CHARACTERS = 300;

type State = "driving" | "parked" | "asleep-soon";

/** The vehicle has begun to do something else. */
export type VehicleStateChange = {
  readonly state: State;
  readonly before: State;
  /** For people: what said so. */
  readonly why: string;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  /** How long it was in the state before, by a clock that nobody sets; undefined where the system was started in between. */
  readonly lastedMs?: number | undefined;
  /** Number of the trip that this is in, begins or ends; 0 none. */
  readonly trip: number;
  readonly odometerKm?: number | undefined;
  readonly energy?: Energy | undefined;
};

/** Writes what a `VehicleStateChange` message has of its own. */
export function writeVehicleStateChange(writer: ProtobufWriter, change: VehicleStateChange): void {
  writer.stringField(CHANGE.state, change.state);
  writer.stringField(CHANGE.before, change.before);
  writer.stringField(CHANGE.why, change.why.slice(0, MAX_WHY_CHARACTERS));
  writer.sintField(CHANGE.timeUs, change.timeUs);
  if (change.lastedMs !== undefined) writer.presentUintField(CHANGE.lastedMs, change.lastedMs);
  writer.uintField(CHANGE.trip, change.trip);
  if (change.odometerKm !== undefined) writer.presentDoubleField(CHANGE.odometerKm, change.odometerKm);
  if (change.energy !== undefined) writeEnergy(writer, CHANGE.energy, change.energy);
}
