import type { Fix } from "./fix.ts";

/** How a source is doing. "quiet": it is reached, and has had nothing to say for a while. */
export type SourceState = "up" | "quiet" | "down";

/** Where a source leaves what it has. No call comes before `start` has returned, or after `stop`. */
export interface PositionSink {
  /** Several may come with the same time: each knows more of that moment than the one before. */
  onFix(fix: Fix): void;
  /** The receiver works, and has no fix. */
  onNoFix(): void;
  /** For people, without a position: "connection refused", and what to do about it; empty where nothing is to be done. */
  onState(state: SourceState, what: string, remedy: string): void;
}

/** Counts of a source since its start. */
export type SourceCounters = {
  readonly fixes: number;
  /** Lines, sentences or values that made no sense, and lines that were too long. */
  readonly malformed: number;
};

/** A receiver, or what stands for one. Connects again by itself as long as it is started. */
export interface PositionSource {
  /** For people: "gpsd", "nmea /dev/ttyUSB0". */
  readonly name: string;
  start(sink: PositionSink): void;
  stop(): Promise<void>;
  counters(): SourceCounters;
}
