import type { ClockQuality } from "../../../core/clock.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const CHANGE = {
  before: 1,
  after: 2,
  stepUs: 3,
  monotonicUs: 4,
  suspendedUs: 5,
  wallUs: 6,
  reason: 7,
  untold: 8,
} as const;
const STANDING = { quality: 1, source: 2, errorMs: 3, detail: 4 } as const;

/** Numbers of clock qualities in telemetry.proto, in anchors too. */
export const QUALITY_NUMBERS: Readonly<Record<ClockQuality, number>> = {
  unsynchronised: 0,
  rtc: 1,
  ntp: 2,
  gps: 3,
  saved: 4,
};

/** A `detail` is for people; what is longer is cut, so that a change always fits its record. */
const MAX_DETAIL_CHARACTERS = 200;

/** Why a change of the clock is told: the first that holds. */
export const CLOCK_REASONS = ["start", "step", "quality", "source", "error"] as const;
export type ClockReason = (typeof CLOCK_REASONS)[number];

/** What the wall clock is worth, and by whom. */
export type ClockStanding = {
  readonly quality: ClockQuality;
  /** Who set it, one word. */
  readonly source: string;
  /** Estimate, ms; undefined where nobody knows. */
  readonly errorMs: number | undefined;
  /** For people: server or receiver; "" where there is none. */
  readonly detail: string;
};

/** What the wall clock is worth has changed, or somebody has set it. */
export type ClockChange = {
  /** Undefined after a start. */
  readonly before: ClockStanding | undefined;
  readonly after: ClockStanding;
  /** How far it was set, µs, forward or back; 0 where it was not. What the vehicle slept is no step. */
  readonly stepUs: number;
  /** One moment after the change, µs: on the monotonic clock, what that has not counted since the boot, and µs since the Unix epoch. */
  readonly monotonicUs: number;
  readonly suspendedUs: number;
  readonly wallUs: number;
  readonly reason: ClockReason;
  /** Changes before this one that were not told, as there were too many. */
  readonly untold: number;
};

/** Writes the `ClockChange` message as field `field`. */
export function writeClockChange(writer: ProtobufWriter, field: number, change: ClockChange): void {
  writer.begin(field, 128);
  if (change.before !== undefined) writeStanding(writer, CHANGE.before, change.before);
  writeStanding(writer, CHANGE.after, change.after);
  writer.sintField(CHANGE.stepUs, change.stepUs);
  writer.sintField(CHANGE.monotonicUs, change.monotonicUs);
  writer.uintField(CHANGE.suspendedUs, change.suspendedUs);
  writer.sintField(CHANGE.wallUs, change.wallUs);
  writer.stringField(CHANGE.reason, change.reason);
  writer.uintField(CHANGE.untold, change.untold);
  writer.end();
}

function writeStanding(writer: ProtobufWriter, field: number, standing: ClockStanding): void {
  writer.begin(field, 64);
  writer.uintField(STANDING.quality, QUALITY_NUMBERS[standing.quality]);
  writer.stringField(STANDING.source, standing.source);
  if (standing.errorMs !== undefined) writer.presentDoubleField(STANDING.errorMs, standing.errorMs);
  writer.stringField(STANDING.detail, standing.detail.slice(0, MAX_DETAIL_CHARACTERS));
  writer.end();
}
