import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const PHASE = {
  number: 1,
  repeated: 2,
  digest: 3,
  component: 4,
  versionFrom: 5,
  versionTo: 6,
  phase: 7,
  reason: 8,
  detail: 9,
  job: 10,
  execution: 11,
  bytes: 12,
  totalBytes: 13,
  percent: 14,
  timeUs: 15,
} as const;

/** A `detail` is for people; what is longer is cut, so that a phase always fits its record. */
const MAX_DETAIL_CHARACTERS = 500;

/** An update has entered another phase. */
export type UpdatePhase = {
  /** Counts the phases of all updates from 1 without a hole over the life of the journal; a repeat has the number of the first. */
  readonly number: number;
  /** Whether it may have been told before. */
  readonly repeated: boolean;
  /** SHA-256 of the manifest, 64 hexadecimal digits. */
  readonly digest: string;
  /** What is updated, as the manifest names it. */
  readonly component: string;
  readonly versionFrom: string;
  readonly versionTo: string;
  readonly phase: string;
  /** Why it goes back or has failed; "" in other phases. `detail` is for people. */
  readonly reason: string;
  readonly detail: string;
  /** The job execution that asked for it; "" and 0 where someone at the vehicle did. */
  readonly job: string;
  readonly execution: number;
  /** Bytes of the artifacts that are there, as far as this start of the agent knows. */
  readonly bytes: number;
  readonly totalBytes: number;
  readonly percent: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Writes the `UpdatePhase` message as field `field`. */
export function writeUpdatePhase(writer: ProtobufWriter, field: number, phase: UpdatePhase): void {
  writer.begin(field, 256);
  writer.uintField(PHASE.number, phase.number);
  writer.uintField(PHASE.repeated, phase.repeated ? 1 : 0);
  writer.stringField(PHASE.digest, phase.digest);
  writer.stringField(PHASE.component, phase.component);
  writer.stringField(PHASE.versionFrom, phase.versionFrom);
  writer.stringField(PHASE.versionTo, phase.versionTo);
  writer.stringField(PHASE.phase, phase.phase);
  writer.stringField(PHASE.reason, phase.reason);
  writer.stringField(PHASE.detail, phase.detail.slice(0, MAX_DETAIL_CHARACTERS));
  writer.stringField(PHASE.job, phase.job);
  writer.uintField(PHASE.execution, phase.execution);
  writer.uintField(PHASE.bytes, phase.bytes);
  writer.uintField(PHASE.totalBytes, phase.totalBytes);
  writer.uintField(PHASE.percent, phase.percent);
  writer.sintField(PHASE.timeUs, phase.timeUs);
  writer.end();
}
