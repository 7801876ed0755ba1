import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const WAKE = {
  timeUs: 3,
  cause: 4,
  name: 5,
  checkIn: 6,
  sleptMs: 7,
  suspendedMs: 8,
  buses: 9,
  unplanned: 10,
  most: 11,
  overBudget: 12,
} as const;
const BUS = { bus: 1, firstId: 2, extended: 3, firstAfterMs: 4, lost: 5 } as const;

/** Names are the system's; what is longer is cut, so that a wake always fits its record. */
const MAX_NAME_CHARACTERS = 100;

/** What a bus did over a sleep. `first`: the first frame after it; undefined where none came. `lost`: undefined where nobody counts. */
export type WokenBus = {
  readonly bus: string;
  readonly first?: { readonly id: number; readonly extended: boolean; readonly afterMs: number } | undefined;
  readonly lost?: number | undefined;
};

/** The vehicle has woken. */
export type WakeEvent = {
  /** µs since the Unix epoch, as the clock was right after the wake. */
  readonly timeUs: number;
  /** A kind of wake source, or "unknown". */
  readonly cause: string;
  /** The system's name of the source. */
  readonly name: string;
  readonly isCheckIn: boolean;
  /** From when it was ready for sleep, ms; and of that the machine was suspended. */
  readonly sleptMs: number;
  readonly suspendedMs: number;
  readonly buses: readonly WokenBus[];
  /** Wakes of the day but for the alarm's, and how many the day has; undefined without a bound. */
  readonly unplanned: number;
  readonly most?: number | undefined;
  readonly isOverBudget: boolean;
};

/** Writes what a `Wake` message has of its own. */
export function writeWake(writer: ProtobufWriter, wake: WakeEvent): void {
  writer.sintField(WAKE.timeUs, wake.timeUs);
  writer.stringField(WAKE.cause, wake.cause.slice(0, MAX_NAME_CHARACTERS));
  writer.stringField(WAKE.name, wake.name.slice(0, MAX_NAME_CHARACTERS));
  writer.uintField(WAKE.checkIn, wake.isCheckIn ? 1 : 0);
  writer.uintField(WAKE.sleptMs, wake.sleptMs);
  writer.uintField(WAKE.suspendedMs, wake.suspendedMs);
  for (const { bus, first, lost } of wake.buses) {
    writer.begin(WAKE.buses, 24);
    writer.stringField(BUS.bus, bus);
    if (first !== undefined) {
      writer.presentUintField(BUS.firstId, first.id);
      writer.uintField(BUS.extended, first.extended ? 1 : 0);
      writer.presentUintField(BUS.firstAfterMs, first.afterMs);
    }
    if (lost !== undefined) writer.presentUintField(BUS.lost, lost);
    writer.end();
  }
  writer.uintField(WAKE.unplanned, wake.unplanned);
  if (wake.most !== undefined) writer.presentUintField(WAKE.most, wake.most);
  writer.uintField(WAKE.overBudget, wake.isOverBudget ? 1 : 0);
}
