import { type Command, Option } from "commander";
import { EXIT } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { formatOfName, type WrittenFormat } from "../../signals/log-formats/write-log.ts";
import { type CliContext, note } from "../context.ts";
import { frameLines, TIME_STAMPS, type TimeStamp } from "../frame-text.ts";
import { FrameWriter, LineEncoder } from "../frame-writer.ts";
import { type ListenedBus, listenedBuses } from "../listened-buses.ts";
import { Listening } from "../listening.ts";
import { ENDLESS_SECONDS, secondsArgument } from "../listening-time.ts";
import { createLogOutput, formatArgument } from "../log-output.ts";
import { wholeNumber } from "../whole-number.ts";

/** When to stop receiving. */
type Bounds = { readonly count: number | undefined; readonly seconds: number | undefined; readonly wait: boolean };

type RecordOptions = Bounds & { readonly output?: string; readonly format?: WrittenFormat };
type DumpOptions = Bounds & { readonly log: boolean; readonly timestamp?: TimeStamp };

const FILTERS =
  "\nBUS may carry candump's filters, any of which lets a frame through: BUS,<id>:<mask>,<id>~<mask>,#<error mask>,j\n" +
  "(j: all of them must); any stands for every CAN interface that is up. A bus that is down ends it with 69.\n";

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
    .option("--seconds <seconds>", "end after this time", secondsArgument)
    .option("--wait", "wait for a bus that is down, in the place of ending with 69", false)
    .addHelpText(
      "after",
      `${FILTERS}\nExample:\n  causeway can dump can0\n  causeway can dump -ta can0,123:7FF,400:700 can1\n  causeway can dump -L --seconds 10 socketcand://127.0.0.1:29536/can0`,
    )
    .action(async (buses: readonly string[], options: DumpOptions) => dump(context, buses, options));

  can
    .command("record <bus...>")
    .description(
      "write frames to a log (candump, Vector ASC or BLF, PEAK TRC), until Ctrl-C; the file is safe on disk when it ends",
    )
    .option("-o, --output <file>", "log file; candump-DATE_TIME.log when absent")
    .option("--format <format>", "candump, asc, blf or trc; as the file's name says when absent", formatArgument)
    .option("-n, --count <frames>", "end after this many frames", wholeNumber)
    .option("--seconds <seconds>", "end after this time", secondsArgument)
    .option("--wait", "wait for a bus that is down, in the place of ending with 69", false)
    .addHelpText(
      "after",
      `${FILTERS}\nASC, BLF and TRC number their channels: can0 is channel 1. Their times are UTC.\n\nExample:\n  causeway can record can0 -o drive.log\n  causeway can record can0 can1 -o drive.blf\n  causeway can record any`,
    )
    .action(async (buses: readonly string[], options: RecordOptions) => record(context, buses, options));
}

async function dump(context: CliContext, given: readonly string[], options: DumpOptions): Promise<void> {
  const buses = await listenedBuses(context, given);
  const nameWidth = Math.max(...buses.map(({ config }) => config.name.length));
  const format = context.options().json ? "json" : options.log ? "log" : "live";
  const lines = new LineEncoder(frameLines(format, nameWidth, options.timestamp));
  const writer = new FrameWriter(lines, async (bytes) => {
    context.terminal.stdout.write(Buffer.from(bytes).toString());
    await context.terminal.stdout.drained?.();
  });
  const lost = await receive(context, buses, options, writer);
  await writer.finish();
  report(context, writer, lost, "shown");
}

async function record(context: CliContext, given: readonly string[], options: RecordOptions): Promise<void> {
  const buses = await listenedBuses(context, given);
  const path = options.output ?? defaultName(context.clock.wallUs());
  await using log = await createLogOutput(path, options.format ?? formatOfName(path));
  const writer = new FrameWriter(log.encoder, (bytes) => log.write(bytes));
  const lost = await receive(context, buses, options, writer);
  await writer.finish();
  await log.finish();
  report(context, writer, lost, `recorded in ${path}`);
}

/** Receives until a bound is reached, the logs of replayed buses end, or the user interrupts. Returns how many frames the buses lost. */
async function receive(
  context: CliContext,
  listened: readonly ListenedBus[],
  { count, seconds, wait }: Bounds,
  writer: FrameWriter,
): Promise<number> {
  let left = count ?? Number.POSITIVE_INFINITY;
  const taker = {
    take: (bus: string, frame: CanFrame): boolean => {
      writer.add(bus, frame);
      left -= 1;
      return left > 0;
    },
    flush: () => writer.flush(),
  };
  const listening = await Listening.open(context, listened, taker, { waits: wait });
  try {
    const over = AbortSignal.any([context.signal, writer.failed, listening.ended]);
    await context.clock.sleep((seconds ?? ENDLESS_SECONDS) * 1000, over);
  } finally {
    await listening.stop();
  }
  return listening.lost;
}

function report(context: CliContext, writer: FrameWriter, lost: number, done: string): void {
  note(context, `${formatCounted(writer.written, "frame")} ${done}${lost === 0 ? "" : `, ${lost} lost before`}`);
  if (writer.dropped > 0) {
    note(context, `${formatCounted(writer.dropped, "frame")} not ${done}: the output was too slow`);
    context.finish(EXIT.degraded);
  }
}

/** As candump -l names its files, in UTC. */
function defaultName(wallUs: number): string {
  const [date, time] = new Date(wallUs / 1000).toISOString().split("T");
  return `candump-${date}_${time.slice(0, 8).replaceAll(":", "")}.log`;
}
