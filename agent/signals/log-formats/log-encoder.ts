import type { CanFrame } from "../../ports/frame.ts";

/** Makes bytes of frames. What is made waits until it is taken; who fills it bounds it. */
export interface FrameEncoder {
  /** `sent` for a frame that the recorder sent itself; received where it is absent. */
  write(bus: string, frame: CanFrame, sent?: boolean): void;
  /** About how many bytes wait. */
  readonly waitingBytes: number;
  /** Everything written so far, as whole lines or containers: whatever is lost behind it, a reader can use what is before. */
  take(): Uint8Array;
}

/**
 * Writes one log. A bus called canN is channel N + 1 where channels are numbered; any other gets the lowest number that is free, and the log
 * tells its name. ASC, BLF and TRC name no zone; their times are UTC.
 */
export interface LogEncoder extends FrameEncoder {
  /** A line for people, at the time of the newest frame; in a candump log there is no place for one, and it is left out. */
  remark(text: string): void;
  /** Frames whose time was moved to the start of the log, which is earlier in this format than any time can be. */
  readonly moved: number;
  /** The last bytes of the log. */
  end(): Uint8Array;
  /** What is to be written over the beginning of a file, after `end`; undefined where nothing stands open there. A file without it can be read too. */
  header(): Uint8Array | undefined;
}
