import { createReadStream } from "node:fs";
import { untilAborted } from "../../agent/core/aborted.ts";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, errnoOf } from "../../agent/core/errors.ts";
import { fileTrouble } from "../../agent/core/file-trouble.ts";
import type { CanFrame } from "../../agent/ports/frame.ts";
import { type LogFormat, type LoggedFrame, type LogPiece, placeOf } from "../../agent/signals/log-formats/log-entry.ts";
import { readLog } from "../../agent/signals/log-formats/read-log.ts";

/** A timer holds 24 days; a gap in a log can be longer. */
const LONGEST_SLEEP_MS = 86_400_000;
/** Frames of several interfaces are not in exact order in one log; a step back beyond this is the clock's. */
const CLOCK_STEP_US = 1_000_000;
/** A longer wait is worth telling. */
const LONG_GAP_US = 60_000_000;

/** Where a log comes from: its name for people, and its bytes from the start. What it holds open it closes when `signal` aborts. */
export type LogSource = { readonly name: string; open(signal: AbortSignal): AsyncIterable<Uint8Array> };

/** Which frames of a log to play, and how fast. */
export type LogSettings = {
  /** A log of any format that `readLog` knows; a named pipe will do. */
  readonly source: LogSource;
  /** 1 is real time, 2 twice as fast; 0 as fast as it is read. */
  readonly speed: number;
  /** How often it is played; infinite begins again for ever. */
  readonly rounds: number;
  /** Distance between frames in the place of the log's own, µs. */
  readonly gapUs?: number | undefined;
  /** Frames due within this time come together, ms: a wake-up costs more than a frame. */
  readonly leastWaitMs: number;
  /** A gap in the log's times that is longer is not waited for, µs; infinite waits for each. */
  readonly skipGapsUs: number;
  /** Whether to play a frame of this interface of the log; `sent` where its recorder sent it. */
  readonly accepts: (bus: string, id: number, flags: number, sent: boolean) => boolean;
};

/**
 * Where the times of a log do not go on evenly. "back": the clock was set back, and the frame is played at once. "skipped": a gap
 * beyond `skipGapsUs`, likewise. "waited": a gap that takes over a minute; `seconds` is how long.
 */
export type TimeStep = {
  readonly kind: "back" | "skipped" | "waited";
  /** With the name of the log. */
  readonly place: string;
  readonly seconds: number;
};

/** The time to play by, and who hears of what is odd in the log. */
export type LogPlayerParts = {
  readonly clock: Clock;
  /** What is no frame with a time; it is passed over. `place` begins with the name of the log. */
  readonly onMalformed: (place: string, problem: string) => void;
  readonly onTimeStep: (step: TimeStep) => void;
  /** The player is about to wait until the next frame is due. */
  readonly beforeWait: () => void;
};

/** One round through a log. `lengthUs` is log time from its first frame on, without what is not waited for. */
type Round = { frames: number; lastUs: number; lengthUs: number };

/**
 * The frames of a log, each when it is due.
 *
 * `receivedAtUs` with a speed: the wall time at which the frame is due, so the first frame of each round has the time of its
 * start and the distances are those of the log divided by the speed. At speed 0: the log's own times; from the second round of
 * a loop on, moved on by the length of the log a round. A loop over a log without a frame ends. Throws `input.missing`, and
 * `input.malformed` for a log of another format.
 */
export async function* playLog(
  settings: LogSettings,
  parts: LogPlayerParts,
  signal: AbortSignal,
): AsyncGenerator<CanFrame> {
  let shiftUs = 0;
  for (let played = 1; ; played += 1) {
    const beginUs = played > 1 ? (settings.gapUs ?? 0) : 0;
    const round: Round = { frames: 0, lastUs: 0, lengthUs: beginUs };
    yield* playRound(settings, parts, round, shiftUs, signal);
    if (played >= settings.rounds || round.frames === 0 || signal.aborted) return;
    shiftUs += round.lengthUs;
  }
}

/** The interfaces that a log names, in the order of their first frames. Throws as `playLog`. */
export async function interfacesOf(source: LogSource, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { entries } of readPieces(source, signal)) {
    for (const entry of entries) if (entry.kind === "frame") found.add(entry.bus);
  }
  return found;
}

/** A log file, or a named pipe. */
export function fileSource(file: string): LogSource {
  return { name: file, open: (signal) => createReadStream(file, { signal }) };
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
  for await (const timed of readFrames(settings, parts, signal)) {
    const { id, flags, data, receivedAtUs } = timed.entry.frame;
    goOn(round, timed, settings, parts);
    if (speed === 0) {
      yield { id, flags, data, receivedAtUs: receivedAtUs + shiftUs };
      continue;
    }
    const afterUs = round.lengthUs / speed;
    await sleepUntil(startMs + afterUs / 1000, settings.leastWaitMs, parts, signal);
    if (signal.aborted) return;
    yield { id, flags, data, receivedAtUs: startUs + afterUs };
  }
}

function goOn(
  round: Round,
  { entry, format }: TimedFrame,
  { source, speed, skipGapsUs, gapUs }: LogSettings,
  { onTimeStep }: LogPlayerParts,
): void {
  const { receivedAtUs } = entry.frame;
  const stepUs = round.frames === 0 ? 0 : receivedAtUs - round.lastUs;
  round.frames += 1;
  round.lastUs = receivedAtUs;
  if (gapUs !== undefined) {
    if (round.frames > 1) round.lengthUs += gapUs;
    return;
  }
  const seconds = Math.abs(stepUs) / 1_000_000;
  const place = (): string => placeOf(source.name, format, entry.at);
  if (stepUs < -CLOCK_STEP_US) return onTimeStep({ kind: "back", place: place(), seconds });
  if (stepUs > skipGapsUs) return onTimeStep({ kind: "skipped", place: place(), seconds });
  if (speed > 0 && stepUs / speed > LONG_GAP_US)
    onTimeStep({ kind: "waited", place: place(), seconds: seconds / speed });
  round.lengthUs += stepUs;
}

async function sleepUntil(
  dueMs: number,
  leastWaitMs: number,
  { clock, beforeWait }: LogPlayerParts,
  signal: AbortSignal,
): Promise<void> {
  let aheadMs = dueMs - clock.monotonicMs();
  if (aheadMs > 0) beforeWait();
  while (aheadMs > 0 && !signal.aborted) {
    await clock.sleep(Math.min(Math.max(aheadMs, leastWaitMs), LONGEST_SLEEP_MS), signal);
    aheadMs = dueMs - clock.monotonicMs();
  }
}

type TimedFrame = { readonly entry: LoggedFrame; readonly format: LogFormat };

async function* readFrames(
  { source, accepts }: LogSettings,
  { onMalformed }: LogPlayerParts,
  signal: AbortSignal,
): AsyncGenerator<TimedFrame> {
  for await (const { format, entries } of readPieces(source, signal)) {
    for (const entry of entries) {
      if (entry.kind === "malformed") {
        onMalformed(placeOf(source.name, format, entry.at, entry.column), entry.problem);
      } else if (!entry.timed) {
        onMalformed(placeOf(source.name, format, entry.at, 1), "the line has no time");
      } else if (accepts(entry.bus, entry.frame.id, entry.frame.flags, entry.sent ?? false)) yield { entry, format };
    }
  }
}

async function* readPieces(source: LogSource, signal: AbortSignal): AsyncGenerator<LogPiece> {
  try {
    yield* readLog(source.name, untilAborted(source.open(signal), signal));
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof AgentError || errnoOf(error) === undefined ? error : unreadable(source.name, error);
  }
}

/** `input.missing` for a log that cannot be read. */
export function unreadable(file: string, cause: unknown): AgentError {
  const absent = errnoOf(cause) === "ENOENT";
  return new AgentError("input.missing", {
    what: absent ? `${file}: no such file` : `${file}: cannot be read: ${fileTrouble(cause)}`,
    remedy: "give the path of a log that this user may read",
    cause,
  });
}
