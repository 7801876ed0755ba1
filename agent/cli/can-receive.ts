import { open } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { AgentError, EXIT, errnoOf, messageOf } from "../core/errors.ts";
import type { FrameBatch } from "../data/frame.ts";
import { type CliContext, note } from "./context.ts";
import { type FrameFormat, formatBatch } from "./frame-text.ts";
import { FrameWriter } from "./frame-writer.ts";
import { openBus, resolveBus } from "./open-bus.ts";

/** When to stop receiving. */
type Bounds = { readonly count: number | undefined; readonly seconds: number | undefined };

/** `can dump` and `can record`. */
export function registerCanReceive(can: Command, context: CliContext): void {
  can
    .command("dump <bus>")
    .description("show frames as candump does, until Ctrl-C")
    .option("-L, --log", "candump's log format, with times", false)
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seconds <seconds>", "end after this time", positiveNumber)
    .addHelpText(
      "after",
      "\nExample:\n  causeway can dump can0\n  causeway can dump -L --seconds 10 socketcand://127.0.0.1:29536/can0",
    )
    .action(async (bus: string, options: Bounds & { readonly log: boolean }) => {
      const format = context.options().json ? "json" : options.log ? "log" : "live";
      await dump(context, bus, format, options);
    });

  can
    .command("record <bus>")
    .description("write frames to a candump log, until Ctrl-C; the file is safe on disk when it ends")
    .option("-o, --output <file>", "log file; candump-DATE_TIME.log when absent")
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seconds <seconds>", "end after this time", positiveNumber)
    .addHelpText("after", "\nExample:\n  causeway can record can0 -o drive.log")
    .action(async (bus: string, options: Bounds & { readonly output?: string }) => {
      await record(context, bus, options.output ?? defaultName(context.clock.wallUs()), options);
    });
}

async function dump(context: CliContext, busName: string, format: FrameFormat, bounds: Bounds): Promise<void> {
  const writer = new FrameWriter(async (text) => {
    context.stdout.write(text);
    await context.stdout.drained?.();
  });
  const lost = await receive(context, busName, format, bounds, writer);
  await writer.finish();
  report(context, writer, lost, "shown");
}

async function record(context: CliContext, busName: string, path: string, bounds: Bounds): Promise<void> {
  await using file = await createFile(path);
  const writer = new FrameWriter((text) => file.writeFile(text));
  const lost = await receive(context, busName, "log", bounds, writer);
  try {
    await writer.finish();
    await file.sync();
  } catch (cause) {
    throw unwritable(path, cause);
  }
  report(context, writer, lost, `recorded in ${path}`);
}

/** Receives until a bound is reached, the log of a replayed bus ends, or the user interrupts. Returns how many frames the bus lost. */
async function receive(
  context: CliContext,
  busName: string,
  format: FrameFormat,
  bounds: Bounds,
  writer: FrameWriter,
): Promise<number | undefined> {
  const config = await resolveBus(context, busName);
  const end = new AbortController();
  let left = bounds.count ?? Number.POSITIVE_INFINITY;
  const onFrames = (batch: FrameBatch): void => {
    const count = Math.min(batch.count, left);
    if (count > 0) writer.add(formatBatch(format, config.name, batch, count), count);
    left -= count;
    if (left === 0) end.abort();
  };
  const bus = await openBus(context, config, [], onFrames, (state) => {
    if (config.driver === "replay" && state === "down") end.abort();
  });
  const over = AbortSignal.any([context.signal, writer.failed, end.signal]);
  await context.clock.sleep((bounds.seconds ?? ENDLESS_SECONDS) * 1000, over);
  await bus.stop();
  return bus.counters().dropped;
}

/** A week: long enough for a person, and within what a timer can hold. */
const ENDLESS_SECONDS = 604_800;

function report(context: CliContext, writer: FrameWriter, lost: number | undefined, done: string): void {
  note(context, `${writer.written} frames ${done}${lost === undefined || lost === 0 ? "" : `, ${lost} lost before`}`);
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
