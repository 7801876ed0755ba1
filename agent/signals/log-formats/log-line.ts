import type { CanFrame } from "../../ports/frame.ts";

/** What is wrong with a line, and where; `column` counts from 1. */
export type MalformedLine = { readonly kind: "malformed"; readonly column: number; readonly problem: string };

/** One line of a log in text: a frame, nothing that is one (a remark, a header, statistics), or a line that makes no sense. */
export type LogLine =
  | {
      readonly kind: "frame";
      /** The interface as the log names it; for a log that numbers channels from 1 on, can0 stands for channel 1. */
      readonly bus: string;
      readonly frame: CanFrame;
      /** False when the line has no time; `receivedAtUs` is 0 then. */
      readonly timed: boolean;
      /** True where the log says that its recorder sent the frame itself (Tx). */
      readonly sent?: true | undefined;
    }
  | { readonly kind: "blank" }
  | MalformedLine;

/** Reads the lines of a log one after the other, without their ends; header lines count for those behind them. */
export interface LineParser {
  parse(line: string): LogLine;
}

/** A line that makes no sense, from the character `at` on (from 0). It never leaves the parsers. */
export class LineError extends Error {
  override readonly name = "LineError";
  readonly column: number;

  constructor(at: number, problem: string) {
    super(problem);
    this.column = at + 1;
  }
}

/** What a parser gives for a line that it threw a `LineError` over; throws everything else again. */
export function malformed(error: unknown): MalformedLine {
  if (!(error instanceof LineError)) throw error;
  return { kind: "malformed", column: error.column, problem: error.message };
}

/** The name of a channel that a log numbers, from 1 on, as asc2log gives it. */
export function channelName(channel: number): string {
  return channel > 0 ? `can${channel - 1}` : "channel0";
}
