import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";
import { parseCandump } from "../../agent/data/candump.ts";
import type { CanFrame } from "../../agent/data/frame.ts";

/** Frames due within this time come together: a wake-up costs more than a frame. */
const LEAST_SLEEP_MS = 5;

/** Which frames of a log to play, and how fast. */
export type LogSettings = {
  /** candump log (`candump -l`, `candump -L`); a named pipe will do. */
  readonly file: string;
  /** 1 is real time, 2 twice as fast; 0 as fast as it is read. */
  readonly speed: number;
  readonly loop: boolean;
  /** Only frames of this interface in the log; all when undefined. */
  readonly interface?: string | undefined;
  accepts(id: number, flags: number): boolean;
};

/** What the player needs of its surroundings. */
export type LogPlayerParts = {
  readonly clock: Clock;
  /** A line that is no frame with a time; it is passed over. Line and column count from 1. */
  onMalformed(line: number, column: number, problem: string): void;
  /** The player is about to wait until the next frame is due. */
  beforeWait(): void;
};

/** First and last log time of one round, µs since the Unix epoch. */
type Round = { frames: number; firstUs: number; lastUs: number };

/**
 * The frames of a candump log, each when it is due.
 *
 * `receivedAtUs` with a speed: the wall time at which the frame is due, so the first frame of each round has the time of its
 * start and the distances are those of the log divided by the speed. At speed 0: the log's own times; from the second round of
 * a loop on, moved on by the length of the log a round. A loop over a log without a frame ends. Throws `input.missing`.
 */
export async function* playLog(
  settings: LogSettings,
  parts: LogPlayerParts,
  signal: AbortSignal,
): AsyncGenerator<CanFrame> {
  let shiftUs = 0;
  for (;;) {
    const round: Round = { frames: 0, firstUs: 0, lastUs: 0 };
    yield* playRound(settings, parts, round, shiftUs, signal);
    if (!settings.loop || round.frames === 0 || signal.aborted) return;
    shiftUs += round.lastUs - round.firstUs;
  }
}

async function* playRound(
  settings: LogSettings,
  parts: LogPlayerParts,
  round: Round,
  shiftUs: number,
  signal: AbortSignal,
): AsyncGenerator<CanFrame> {
  const { clock } = parts;
  const { speed } = settings;
  const startUs = clock.wallUs();
  const startMs = clock.monotonicMs();
  for await (const { id, flags, data, receivedAtUs } of readFrames(settings, parts, signal)) {
    if (round.frames === 0) round.firstUs = receivedAtUs;
    round.frames += 1;
    round.lastUs = receivedAtUs;
    if (speed === 0) {
      yield { id, flags, data, receivedAtUs: receivedAtUs + shiftUs };
      continue;
    }
    const afterUs = (receivedAtUs - round.firstUs) / speed;
    const aheadMs = startMs + afterUs / 1000 - clock.monotonicMs();
    if (aheadMs > 0) {
      parts.beforeWait();
      await clock.sleep(Math.max(aheadMs, LEAST_SLEEP_MS), signal);
    }
    if (signal.aborted) return;
    yield { id, flags, data, receivedAtUs: startUs + afterUs };
  }
}

async function* readFrames(
  settings: LogSettings,
  parts: LogPlayerParts,
  signal: AbortSignal,
): AsyncGenerator<CanFrame> {
  const input = createReadStream(settings.file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal });
  let lineNumber = 0;
  try {
    for await (const line of lines) {
      lineNumber += 1;
      const parsed = parseCandump(line);
      if (parsed.kind === "blank") continue;
      if (parsed.kind === "malformed") parts.onMalformed(lineNumber, parsed.column, parsed.problem);
      else if (!parsed.timed) parts.onMalformed(lineNumber, 1, "the line has no time");
      else if (settings.interface !== undefined && parsed.bus !== settings.interface) continue;
      else if (settings.accepts(parsed.frame.id, parsed.frame.flags)) yield parsed.frame;
    }
  } catch (error) {
    throw errnoOf(error) === undefined ? error : unreadable(settings.file, error);
  } finally {
    lines.close();
    input.destroy();
  }
}

/** `input.missing` for a log that cannot be read. */
export function unreadable(file: string, cause: unknown): AgentError {
  const absent = errnoOf(cause) === "ENOENT";
  return new AgentError("input.missing", {
    what: absent ? `${file}: no such file` : `${file}: cannot be read: ${messageOf(cause)}`,
    remedy: "give the path of a candump log that this user may read",
    cause,
  });
}
