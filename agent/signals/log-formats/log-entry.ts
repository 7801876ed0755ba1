import type { CanFrame } from "../../ports/frame.ts";

/** Formats of logs of frames: of can-utils, of Vector in text and in binary, of PEAK. */
export type LogFormat = "candump" | "asc" | "blf" | "trc";

/** A frame of a log. */
export type LoggedFrame = {
  readonly kind: "frame";
  /** Where it stands: the line, from 1 on; in a BLF log the byte at which its outermost object begins. */
  readonly at: number;
  /** The interface as the log names it; can0 for channel 1 of a log that numbers them. */
  readonly bus: string;
  readonly frame: CanFrame;
  /** False when the log has no time for it; `receivedAtUs` is 0 then. */
  readonly timed: boolean;
  /** True where the log says that its recorder sent the frame itself (Tx); frames without a direction were received. */
  readonly sent?: true | undefined;
  /** The line itself of a candump log. */
  readonly line: string | undefined;
};

/** A place that makes no sense. `column` counts from 1 and is undefined in a BLF log. */
export type MalformedEntry = {
  readonly kind: "malformed";
  readonly at: number;
  readonly column: number | undefined;
  readonly problem: string;
};

export type LogEntry = LoggedFrame | MalformedEntry;

/** Some entries of a log, in its order. */
export type LogPiece = {
  readonly format: LogFormat;
  readonly entries: readonly LogEntry[];
  /** Lines (in a BLF log: objects) that were looked at so far, those that are no frames too. */
  readonly looked: number;
};

/** Takes the bytes of a log as they come. A chunk may be overwritten after `push`; arrays of entries are bounded, whatever the chunk holds. */
export interface LogParser {
  readonly format: LogFormat;
  readonly looked: number;
  push(chunk: Uint8Array): Iterable<readonly LogEntry[]>;
  /** What was left, when the log is over. */
  end(): Iterable<readonly LogEntry[]>;
}

/** A place of the log `name` for people: `drive.log:12:5`, `drive.blf:byte 1024`. */
export function placeOf(name: string, format: LogFormat, at: number, column?: number): string {
  if (format === "blf") return `${name}:byte ${at}`;
  return column === undefined ? `${name}:${at}` : `${name}:${at}:${column}`;
}
