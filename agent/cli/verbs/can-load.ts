import { type Command, Option } from "commander";
import { EXIT } from "../../core/errors.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { listenedBuses } from "../listened-buses.ts";
import { Listening } from "../listening.ts";
import { secondsArgument } from "../listening-time.ts";
import { LiveScreen } from "../live-screen.ts";
import { type BitRateOptions, bitRateOptions, bitRatesOf } from "../traffic/bit-rates.ts";
import { BusMeter, type BusReading } from "../traffic/bus-meter.ts";
import { ID_SORTS, type IdSort, idLines, loadLine } from "../traffic/load-text.ts";

const WINDOW_MS = 1000;
const SECOND_MS = 1000;

type LoadOptions = BitRateOptions & { readonly seconds?: number; readonly sort: IdSort };
/** A bus with what is counted of it, and its newest second. */
type Metered = { readonly name: string; readonly meter: BusMeter; newest: BusReading };

/** `causeway can load`: works with the daemon down. */
export function registerCanLoad(can: Command, context: CliContext): void {
  const command = can
    .command("load [bus...]")
    .description(
      "load of buses in %, and rate and jitter of each id: live, or once for --seconds; all buses when none is named",
    )
    .option("--seconds <seconds>", "measure for this time, and show it once", secondsArgument)
    .addOption(
      new Option("--sort <what>", "order of the ids; s goes on to the next in a live view")
        .choices(ID_SORTS)
        .default("id"),
    );
  for (const option of bitRateOptions()) command.addOption(option);
  command
    .addHelpText(
      "after",
      '\nThe load counts the stuff bits that frames have; "at most" as many as they can have, as canbusload does without -e. Jitter is the standard\n' +
        "deviation of the gaps. Frames that the filters of BUS leave out do not count. Keys: q ends, s sorts.\n\n" +
        "Example:\n  causeway can load can0\n  causeway can load --seconds 10 --json can0 can1\n  causeway can load --bitrate 500k --dbitrate 2M vcan0",
    )
    .action(async (buses: readonly string[], options: LoadOptions) => load(context, buses, options));
}

async function load(context: CliContext, given: readonly string[], options: LoadOptions): Promise<void> {
  const listened = await listenedBuses(context, given.length === 0 ? ["any"] : given);
  const metered = new Map<string, Metered>();
  const configs = listened.map(({ config }) => config);
  const rates = await bitRatesOf(configs, options);
  for (const [at, config] of configs.entries()) {
    const meter = new BusMeter(rates[at]);
    if (meter.rates.bitrate === undefined)
      note(context, `${config.name}: nothing says its bit rate, so its load is unknown; give --bitrate`);
    metered.set(config.name, { name: config.name, meter, newest: meter.total(0) });
  }
  const listening = await Listening.open(context, listened, {
    take: (bus, frame) => {
      metered.get(bus)?.meter.add(frame);
      return true;
    },
  });
  const buses = [...metered.values()];
  try {
    if (options.seconds === undefined) await showEverySecond(context, buses, options.sort, listening.ended);
    else await measureOnce(context, buses, options, listening.ended);
  } finally {
    await listening.stop();
  }
}

async function measureOnce(
  context: CliContext,
  buses: readonly Metered[],
  options: LoadOptions,
  ended: AbortSignal,
): Promise<void> {
  const { clock } = context;
  const startMs = clock.monotonicMs();
  const stop = clock.every(WINDOW_MS, () => buses.forEach((bus) => bus.meter.window(WINDOW_MS / SECOND_MS)));
  await clock.sleep((options.seconds ?? 0) * SECOND_MS, AbortSignal.any([context.signal, ended]));
  stop();
  const seconds = (clock.monotonicMs() - startMs) / SECOND_MS;
  if (context.options().json) {
    printJson(context, {
      schemaVersion: 1,
      seconds,
      buses: buses.map((bus) => ({ ...busJson(bus, bus.meter.total(seconds)), ids: bus.meter.ids(seconds) })),
    });
  } else {
    for (const bus of buses) {
      const lines = [
        loadLine(bus.name, bus.meter, bus.meter.total(seconds)),
        ...idLines(bus.meter.ids(seconds), options.sort),
      ];
      context.terminal.stdout.write(`${lines.join("\n")}\n`);
    }
  }
  if (buses.every((bus) => bus.meter.total(seconds).frames === 0)) {
    note(context, `no frame in ${seconds.toFixed(1)} s`);
    context.finish(EXIT.degraded);
  }
}

async function showEverySecond(
  context: CliContext,
  buses: readonly Metered[],
  firstSort: IdSort,
  ended: AbortSignal,
): Promise<void> {
  const { clock } = context;
  const startMs = clock.monotonicMs();
  let sort = firstSort;
  using screen = new LiveScreen(context, ({ name }) => {
    if (name !== "s") return false;
    sort = ID_SORTS[(ID_SORTS.indexOf(sort) + 1) % ID_SORTS.length];
    return true;
  });
  const over = AbortSignal.any([screen.signal, ended]);
  let lookedMs = startMs;
  while (!over.aborted) {
    await clock.sleep(WINDOW_MS, over);
    const nowMs = clock.monotonicMs();
    // The rest of a second says little: at the end the last whole one stays.
    if (over.aborted && nowMs - lookedMs < WINDOW_MS / 2) break;
    for (const bus of buses) bus.newest = bus.meter.window((nowMs - lookedMs) / SECOND_MS);
    lookedMs = nowMs;
    const seconds = (nowMs - startMs) / SECOND_MS;
    if (context.options().json)
      for (const bus of buses) printJson(context, { schemaVersion: 1, seconds, ...busJson(bus, bus.newest) });
    else screen.paint((size) => drawing(buses, sort, seconds, size !== undefined));
  }
}

function drawing(buses: readonly Metered[], sort: IdSort, seconds: number, isLive: boolean): readonly string[] {
  if (!isLive) return buses.map(({ name, meter, newest }) => loadLine(name, meter, newest));
  return buses.flatMap(({ name, meter, newest }) => {
    const peak = meter.peak === undefined ? "" : `  peak ${(meter.peak * 100).toFixed(1)} %`;
    return [loadLine(name, meter, newest) + peak, ...idLines(meter.ids(seconds), sort).map((line) => `  ${line}`)];
  });
}

function busJson({ name, meter }: Metered, reading: BusReading): Readonly<Record<string, unknown>> {
  const { bitrate, dataBitrate } = meter.rates;
  return { bus: name, bitrate, dataBitrate, ...reading, peak: meter.peak, otherFrames: meter.otherFrames };
}
