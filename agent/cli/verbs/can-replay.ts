import { stat } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  fileSource,
  interfacesOf,
  type LogPlayerParts,
  type LogSettings,
  type LogSource,
  playLog,
  type TimeStep,
  unreadable,
} from "../../../drivers/can/log-player.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { formatCandumpLive } from "../../signals/log-formats/candump-text.ts";
import { type CliContext, note, printLine } from "../context.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput } from "../input-file.ts";
import { openBus, resolveBus } from "../open-bus.ts";
import { noTally, type ReplayTally, replayFrame, reportReplay } from "../traffic/replay-tally.ts";
import { wholeNumber } from "../whole-number.ts";

const MICROSECONDS = 1_000_000;
/** As finely as a timer goes. */
const LEAST_WAIT_MS = 1;

type ReplayOptions = FilterOptions & {
  readonly speed: number;
  readonly loop: boolean;
  /** How often, undefined with `loop` or once. */
  readonly rounds?: number;
  readonly count?: number;
  /** Milliseconds. */
  readonly gap?: number;
  readonly direction?: "rx" | "tx";
  readonly from?: string;
  /** Seconds. */
  readonly skipGaps?: number;
};

/** `causeway can replay`: works with the daemon down. */
export function registerCanReplay(can: Command, context: CliContext): void {
  can
    .command("replay <file> <bus>")
    .description(
      "send the frames of a log (candump, Vector ASC or BLF, PEAK TRC; - reads stdin) with the distances they have in it",
    )
    .addOption(
      new Option("--speed <factor>", "1 is real time, 2 twice as fast, 0 as fast as the bus takes them")
        .argParser(speed)
        .default(1),
    )
    .addOption(
      new Option("-g, --gap <ms>", "this distance between frames, whatever the log's times are")
        .argParser(milliseconds)
        .conflicts(["speed", "skipGaps"]),
    )
    .addOption(new Option("--loop", "begin again at the end, until Ctrl-C").default(false).conflicts("rounds"))
    .option("-l, --rounds <count>", "play the log this often; i for ever", rounds)
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--from <interface>", "only frames of this interface in the log; needed when it has several")
    .addOption(filterOption())
    .addOption(
      new Option(
        "--direction <which>",
        "only frames that the log's recorder received (rx) or sent itself (tx); a frame without a direction was received",
      ).choices(["rx", "tx"]),
    )
    .option("-s, --skip-gaps <seconds>", "do not wait for a longer gap in the log's times", seconds)
    .addHelpText(
      "after",
      "\nError frames, which cannot be sent, are left out and counted. A step back of the log's clock is not waited for.\n" +
        "The letters are canplayer's, but for -g, which there is how often it looks at the clock. -v prints what is sent.\n" +
        "A log that numbers its channels from 1 on has can0 for channel 1.\n\n" +
        "Example:\n  causeway can replay drive.log vcan0 --speed 2\n  causeway can replay drive.asc vcan0 -l 10 --filter 123:7FF --direction tx\n  candump -L can0 | causeway can replay - vcan0",
    )
    .action(async (file: string, bus: string, options: ReplayOptions) => replay(context, file, bus, options));
}

async function replay(context: CliContext, file: string, busName: string, options: ReplayOptions): Promise<void> {
  const source = sourceOf(context, file, options);
  const found = new Set(await namedIn(source, file, context.signal));
  if (options.from === undefined) requireOneInterface(source, found);
  else if (found.size > 0 && lacksInterface(context, source, found, options.from)) return;
  const tally = noTally();
  const bus = await openBus(context, await resolveBus(context, busName), [], () => undefined);
  try {
    for await (const frame of playLog(...playing(context, source, found, options, tally), context.signal)) {
      if (context.signal.aborted) break;
      if (await replayFrame(bus, frame, tally)) printSent(context, bus.name, frame);
      if (tally.sent >= (options.count ?? Number.POSITIVE_INFINITY)) break;
    }
  } finally {
    await bus.stop();
  }
  reportReplay(context, bus.name, tally);
  if (tally.malformedLines > 0) context.finish(EXIT.badInput);
  else if (context.signal.aborted || lacksInterface(context, source, found, options.from)) return;
  else if (
    (options.filter ?? options.direction) !== undefined &&
    tally.sent + tally.errorFrames + tally.remoteFrames === 0
  ) {
    note(context, `nothing to send: no frame of ${source.name} comes through --filter and --direction`);
    context.finish(EXIT.nothingToDo);
  }
}

/** With --verbose, as canplayer -v; not in the place of the JSON at the end. */
function printSent(context: CliContext, bus: string, frame: CanFrame): void {
  const { verbose, json } = context.options();
  if (verbose && !json) printLine(context, formatCandumpLive(bus, frame));
}

function roundsOf({ loop, rounds: wanted = 1 }: ReplayOptions): number {
  return loop ? Number.POSITIVE_INFINITY : wanted;
}

function sourceOf(context: CliContext, file: string, options: ReplayOptions): LogSource {
  if (file !== "-") return fileSource(file);
  if (roundsOf(options) > 1) {
    throw new AgentError("usage.invalid", {
      what: "--loop, --rounds: standard input cannot be read a second time",
      remedy: "save the log in a file and name that",
    });
  }
  return { name: "stdin", open: () => readInput(context, "-") };
}

/** The interfaces in a log that can be read twice; of a pipe they are known only while it is played. */
async function namedIn(source: LogSource, file: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  if (file === "-") return new Set();
  const about = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return about.isFile() ? interfacesOf(source, signal) : new Set();
}

/** Throws `usage.invalid` for frames of several interfaces that nobody chose from: on one bus their ids would mix. */
function requireOneInterface({ name }: LogSource, found: ReadonlySet<string>): void {
  if (found.size <= 1) return;
  throw new AgentError("usage.invalid", {
    what: `${name} has frames of several interfaces: ${[...found].map(printable).join(", ")}`,
    remedy: `choose one with --from ${printable([...found][0])}, and replay each to its own bus`,
  });
}

/** True when the log has no frame of the interface that was asked for; that is told, with those it has. */
function lacksInterface(context: CliContext, source: LogSource, found: ReadonlySet<string>, from?: string): boolean {
  if (from === undefined || found.has(from)) return false;
  const others = found.size === 0 ? "" : `, only of ${[...found].map(printable).join(", ")}`;
  note(context, `nothing to send: ${source.name} has no frame of ${from}${others}`);
  context.finish(EXIT.nothingToDo);
  return true;
}

function playing(
  context: CliContext,
  source: LogSource,
  found: Set<string>,
  options: ReplayOptions,
  tally: ReplayTally,
): [LogSettings, LogPlayerParts] {
  const { speed: factor, gap, from, direction, skipGaps = Number.POSITIVE_INFINITY } = options;
  const wants = wantedBy(options);
  const accepts = (bus: string, id: number, flags: number, sent: boolean): boolean => {
    found.add(bus);
    if (from === undefined) requireOneInterface(source, found);
    else if (bus !== from) return false;
    return wants(id, flags) && (direction === undefined || (direction === "tx") === sent);
  };
  const onMalformed = (place: string, problem: string): void => {
    tally.malformedLines += 1;
    note(context, `${place} ${printable(problem)}`);
  };
  const onTimeStep = (step: TimeStep): void => {
    if (step.kind === "back") tally.stepsBack += 1;
    if (step.kind === "skipped") tally.gapsSkipped += 1;
    note(context, `${step.place} ${stepText(step)}`);
  };
  return [
    {
      source,
      speed: factor,
      rounds: roundsOf(options),
      gapUs: gap === undefined ? undefined : gap * 1000,
      leastWaitMs: LEAST_WAIT_MS,
      skipGapsUs: skipGaps * MICROSECONDS,
      accepts,
    },
    { clock: context.clock, onMalformed, onTimeStep, beforeWait: () => undefined },
  ];
}

function stepText({ kind, seconds: length }: TimeStep): string {
  const long = `${Math.round(length)} s`;
  switch (kind) {
    case "back":
      return `the log's clock was set back by ${long}; going on at once`;
    case "skipped":
      return `a gap of ${long} is skipped`;
    case "waited":
      return `waiting ${long} for the next frame; --skip-gaps 60 would go on at once`;
  }
}

function speed(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1000) || text.trim() === "")
    throw new InvalidArgumentError("Give a factor of 0 to 1000.");
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Give seconds, more than 0.");
  return value;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 86_400_000) || text.trim() === "")
    throw new InvalidArgumentError("Give milliseconds, at most a day.");
  return value;
}

function rounds(text: string): number {
  return text === "i" ? Number.POSITIVE_INFINITY : wholeNumber(text);
}
