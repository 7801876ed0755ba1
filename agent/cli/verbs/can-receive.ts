import { open } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentError, EXIT, errnoOf, messageOf } from "../../core/errors.ts";
import { type BusState, type CanBus, EVERY_FRAME } from "../../ports/can-bus.ts";
import type { FrameBatch } from "../../ports/frame.ts";
import { type CliContext, note } from "../context.ts";
import { type FrameLine, frameLines, TIME_STAMPS, type TimeStamp } from "../frame-text.ts";
import { FrameWriter } from "../frame-writer.ts";
import { type ListenedBus, listenedBuses } from "../listened-buses.ts";
import { openBus } from "../open-bus.ts";

/** When to stop receiving. */
type Bounds = { readonly count: number | undefined; readonly seconds: number | undefined };

type DumpOptions = Bounds & { readonly log: boolean; readonly timestamp?: TimeStamp };

const FILTERS =
  "\nBUS may carry candump's filters, any of which lets a frame through: BUS,<id>:<mask>,<id>~<mask>,#<error mask>,j\n" +
  "(j: all of them must); any stands for every CAN interface of this host.\n";

/** `can dump` and `can record`. */
export function registerCanReceive(can: Command, context: CliContext): void {
  can
    .command("dump <bus...>")
    .description("show frames as candump does, until Ctrl-C")
    .option("-L, --log", "candump's log format, with times", false)
    .addOption(
      new Option(
        "-t, --timestamp <type>",
        "time before each frame: a absolute, A with the date (UTC), d since the one before, z since the first",
      ).choices(TIME_STAMPS),
    )
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seconds <seconds>", "end after this time", positiveNumber)
    .addHelpText(
      "after",
      `${FILTERS}\nExample:\n  causeway can dump can0\n  causeway can dump -ta can0,123:7FF,400:700 can1\n  causeway can dump -L --seconds 10 socketcand://127.0.0.1:29536/can0`,
    )
    .action(async (buses: readonly string[], options: DumpOptions) => dump(context, buses, options));

  can
    .command("record <bus...>")
    .description("write frames to a candump log, until Ctrl-C; the file is safe on disk when it ends")
    .option("-o, --output <file>", "log file; candump-DATE_TIME.log when absent")
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seconds <seconds>", "end after this time", positiveNumber)
    .addHelpText("after", `${FILTERS}\nExample:\n  causeway can record can0 -o drive.log\n  causeway can record any`)
    .action(async (buses: readonly string[], options: Bounds & { readonly output?: string }) => {
      await record(context, buses, options.output ?? defaultName(context.clock.wallUs()), options);
    });
}

async function dump(context: CliContext, given: readonly string[], options: DumpOptions): Promise<void> {
  const buses = await listenedBuses(context, given);
  const nameWidth = Math.max(...buses.map(({ config }) => config.name.length));
  const format = context.options().json ? "json" : options.log ? "log" : "live";
  const writer = new FrameWriter(async (text) => {
    context.terminal.stdout.write(text);
    await context.terminal.stdout.drained?.();
  });
  const lost = await receive(context, buses, frameLines(format, nameWidth, options.timestamp), options, writer);
  await writer.finish();
  report(context, writer, lost, "shown");
}

async function record(context: CliContext, given: readonly string[], path: string, bounds: Bounds): Promise<void> {
  const buses = await listenedBuses(context, given);
  await using file = await createFile(path);
  const writer = new FrameWriter((text) => file.writeFile(text));
  const lost = await receive(context, buses, frameLines("log"), bounds, writer);
  try {
    await writer.finish();
    await file.sync();
  } catch (cause) {
    throw unwritable(path, cause);
  }
  report(context, writer, lost, `recorded in ${path}`);
}

/** Receives until a bound is reached, the logs of replayed buses end, or the user interrupts. Returns how many frames the buses lost. */
async function receive(
  context: CliContext,
  listened: readonly ListenedBus[],
  line: FrameLine,
  { count, seconds }: Bounds,
  writer: FrameWriter,
): Promise<number> {
  const end = new AbortController();
  const ended = new Set<string>();
  let left = count ?? Number.POSITIVE_INFINITY;
  const take = ({ config, wants }: ListenedBus, batch: FrameBatch): void => {
    let text = "";
    let frames = 0;
    for (let at = 0; at < batch.count && frames < left; at += 1) {
      if (!wants(batch.id(at), batch.flags(at))) continue;
      text += `${line(config.name, batch.frame(at))}\n`;
      frames += 1;
    }
    if (frames > 0) writer.add(text, frames);
    left -= frames;
    if (left === 0) end.abort();
  };
  const buses: CanBus[] = [];
  try {
    for (const one of listened) {
      const onState = (state: BusState): void => {
        if (one.config.driver === "replay" && state === "down") ended.add(one.config.name);
        if (ended.size === listened.length) end.abort();
      };
      buses.push(await openBus(context, one.config, EVERY_FRAME, (batch) => take(one, batch), onState));
    }
    const over = AbortSignal.any([context.signal, writer.failed, end.signal]);
    await context.clock.sleep((seconds ?? ENDLESS_SECONDS) * 1000, over);
  } finally {
    await Promise.all(buses.map((bus) => bus.stop()));
  }
  return buses.reduce((sum, bus) => sum + (bus.counters().dropped ?? 0), 0);
}

/** A week: long enough for a person, and within what a timer can hold. */
const ENDLESS_SECONDS = 604_800;

function report(context: CliContext, writer: FrameWriter, lost: number, done: string): void {
  note(context, `${writer.written} frames ${done}${lost === 0 ? "" : `, ${lost} lost before`}`);
  if (writer.dropped > 0) {
    note(context, `${writer.dropped} frames not ${done}: the output was too slow`);
    context.finish(EXIT.degraded);
  }
}

async function createFile(path: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(path, "wx");
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw unwritable(path, cause);
    throw new AgentError("usage.invalid", {
      what: `${path} is there already`,
      remedy: "name another file with -o, or remove that one",
      cause,
    });
  }
}

function unwritable(path: string, cause: unknown): AgentError {
  return new AgentError("output.unwritable", {
    what: `${path}: cannot be written: ${messageOf(cause)}`,
    remedy: "name a file in a folder with room that this user may write",
    cause,
  });
}

/** As candump -l names its files, in UTC. */
function defaultName(wallUs: number): string {
  const [date, time] = new Date(wallUs / 1000).toISOString().split("T");
  return `candump-${date}_${time.slice(0, 8).replaceAll(":", "")}.log`;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number of at least 1.");
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= ENDLESS_SECONDS))
    throw new InvalidArgumentError("Give seconds, more than 0 and at most a week.");
  return value;
}
