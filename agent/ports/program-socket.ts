/** A line without its newline, or a message of config/proto/program.proto without its length; what is written has either. */
export type ProgramFrame = string | Uint8Array;

/** A program that is connected. Calls are synchronous, and none throws for what the program sent. */
export interface ProgramSession {
  /** Takes lines, or messages, in their order, the first at least. Each that is taken gets one answer, in this call or later, in its form. */
  take(frames: readonly ProgramFrame[]): TakenLines;
  /** What a program is told of a line, or a message, that is longer than `maxBytes`. */
  tooLong(maxBytes: number, isMessage: boolean): ProgramFrame;
  /** Lines that have no answer yet. */
  unanswered(): number;
  /** Whether it is to be spoken to later, or has a command in its hands: one that is keeps its place however quiet it is. */
  isAwaited(): boolean;
  /** The program has gone: it is answered no more. What it handed over stays. */
  end(): void;
}

/** How many were taken, from the first on, and for how long no more should be, ms. */
export type TakenLines = { readonly taken: number; readonly waitMs: number };

/**
 * Begins a session. `answer` gets one answer a line, in the order of the lines. `say` is for what no line asked for, at any time; it
 * gives false, and has sent nothing, where the program does not take what it was sent before. Neither throws.
 */
export type OpenProgramSession = (
  answer: (written: ProgramFrame) => void,
  say: (written: ProgramFrame) => boolean,
) => ProgramSession;

/** What became of connections since start. */
export type ProgramSocketCounts = {
  /** Connected at this moment. */
  clients: number;
  /** Ended at once: no room. */
  refused: number;
  /** Ended so that another had their place. */
  displaced: number;
  /** Ended because they did not take their answers, or did not end a line. */
  slow: number;
  /** Ended because of a line that is too long. */
  tooLong: number;
};
