import type { Command } from "commander";
import { AgentError } from "../../core/errors.ts";
import { formatCount, formatCounted } from "../../core/quantity.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { frameBits } from "../../signals/frame-bits.ts";
import { formatCandumpLive } from "../../signals/log-formats/candump-text.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { carriedBy, openUpBus, resolveBus } from "../open-bus.ts";
import { type BitRateOptions, type BitRates, bitRateOptions, bitRatesOf, bitRateText } from "../traffic/bit-rates.ts";
import { FrameGenerator, type GeneratedFrames } from "../traffic/frame-generator.ts";
import { addGeneratorOptions, type GeneratorOptions, generatedFrames } from "../traffic/generator-options.ts";

const SECOND_MS = 1000;
/** The fastest bus of classic frames (ISO 11898-2), and the fastest data of FD frames that controllers offer, bits a second. */
const FASTEST = { bitrate: 1_000_000, dataBitrate: 8_000_000 } as const;
/** Frames by which the load is reckoned. */
const SAMPLE_FRAMES = 256;
/** So many frames in a row, and then an interrupt is looked for. */
const TURN_FRAMES = 64;
/** Below this part of the rate that was asked for it is told. */
const MUCH_SLOWER = 0.9;

type GenOptions = GeneratorOptions & BitRateOptions;

/** `causeway can gen`: works with the daemon down. */
export function registerCanGen(can: Command, context: CliContext): void {
  const command = addGeneratorOptions(
    can.command("gen <bus>").description("send made-up frames, as cangen does, until Ctrl-C"),
  );
  for (const option of bitRateOptions()) command.addOption(option);
  command
    .addHelpText(
      "after",
      "\nThe letters are cangen's. -x is not here: this host always sees what it sends. A rate that the bus cannot carry is refused.\n" +
        "-v prints the frames.\n\n" +
        "Example:\n  causeway can gen vcan0 -g 10 -I 42A -L 8 -D i\n  causeway can gen can0 -g 1 -e -n 1000 --seed 7\n  causeway can gen vcan0 -m -g 0 -n 100000",
    )
    .action(async (bus: string, options: GenOptions) => generate(context, bus, options));
}

async function generate(context: CliContext, busName: string, options: GenOptions): Promise<void> {
  const config = await resolveBus(context, busName);
  const frames = generatedFrames(options, carriedBy(config));
  const [rates] = await bitRatesOf([config], options);
  const seed = options.seed ?? Math.floor(context.clock.wallUs()) % 0x1_0000_0000;
  const sample = sampleOf(frames, seed);
  refuseImpossible(config.name, options.gap, sample, rates);
  const bus = await openUpBus(context, config);
  note(context, `seed ${seed} (--seed ${seed} makes the same frames again)`);
  warnOfLoad(context, options.gap, sample, rates);
  const startMs = context.clock.monotonicMs();
  let sent = 0;
  try {
    sent = await sendAll(context, bus, new FrameGenerator(frames, seed), options);
  } finally {
    await bus.stop();
  }
  report(context, { bus: bus.name, sent, seed, gap: options.gap }, (context.clock.monotonicMs() - startMs) / SECOND_MS);
}

/** By the clock, so that a wait that took too long does not lower the rate. Gives how many were sent. */
async function sendAll(
  context: CliContext,
  bus: CanBus,
  generator: FrameGenerator,
  options: GenOptions,
): Promise<number> {
  const { clock, signal } = context;
  const { gap, count = Number.POSITIVE_INFINITY } = options;
  const shows = context.options().verbose && !context.options().json;
  const startMs = clock.monotonicMs();
  let sent = 0;
  while (sent < count && !signal.aborted) {
    const aheadMs = startMs + sent * gap - clock.monotonicMs();
    if (aheadMs > 0) await clock.sleep(Math.max(aheadMs, 1), signal);
    else if (sent % TURN_FRAMES === 0) await clock.sleep(0, signal);
    if (signal.aborted) break;
    const frame = generator.next();
    await bus.send(frame);
    sent += 1;
    if (shows) printLine(context, formatCandumpLive(bus.name, frame));
  }
  return sent;
}

/** Throws `usage.invalid` for frames that come faster than the shortest of them can follow one another. */
function refuseImpossible(bus: string, gap: number, sample: readonly CanFrame[], rates: BitRates): void {
  if (gap === 0) return;
  const bitrate = rates.bitrate ?? FASTEST.bitrate;
  const shortestMs = Math.min(...sample.map((frame) => durationMs(frame, rates, "none")));
  if (gap >= shortestMs) return;
  const name =
    rates.bitrate === undefined
      ? `a bus of ${bitRateText(bitrate)}, the fastest there is,`
      : `${bus} with ${bitRateText(bitrate)}`;
  throw new AgentError("usage.invalid", {
    what: `-g ${gap}: ${formatCount(Math.round(SECOND_MS / gap))} frames a second; ${name} carries at most ${formatCount(Math.floor(SECOND_MS / shortestMs))} such frames`,
    remedy: `give -g ${Math.ceil(shortestMs * 1000) / 1000} or more, or -g 0 for as fast as the bus takes them`,
  });
}

function warnOfLoad(context: CliContext, gap: number, sample: readonly CanFrame[], rates: BitRates): void {
  if (rates.bitrate === undefined || gap === 0) return;
  const durations = sample.map((frame) => durationMs(frame, rates, "exact"));
  const load = durations.reduce((sum, one) => sum + one, 0) / durations.length / gap;
  note(
    context,
    `about ${(load * 100).toFixed(1)} % of ${bitRateText(rates.bitrate)}${load > 1 ? ": more than the bus carries, frames will be sent later than asked" : ""}`,
  );
}

function sampleOf(frames: GeneratedFrames, seed: number): readonly CanFrame[] {
  const generator = new FrameGenerator(frames, seed);
  return Array.from({ length: SAMPLE_FRAMES }, () => generator.next());
}

function durationMs(frame: CanFrame, rates: BitRates, stuffing: "none" | "exact"): number {
  const { nominal, data } = frameBits(frame, stuffing);
  const { bitrate = FASTEST.bitrate, dataBitrate = FASTEST.dataBitrate } = rates;
  return (nominal / bitrate + data / dataBitrate) * SECOND_MS;
}

type Sent = { readonly bus: string; readonly sent: number; readonly seed: number; readonly gap: number };

function report(context: CliContext, { bus, sent, seed, gap }: Sent, seconds: number): void {
  const perSecond = seconds > 0 ? sent / seconds : 0;
  const wanted = gap === 0 ? undefined : SECOND_MS / gap;
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, bus, sent, seed, seconds, perSecond, wantedPerSecond: wanted });
    return;
  }
  note(
    context,
    `${formatCounted(sent, "frame")} sent in ${seconds.toFixed(1)} s, ${formatCount(Math.round(perSecond))} a second, seed ${seed}`,
  );
  if (wanted !== undefined && sent > 1 && (sent - 1) / seconds < wanted * MUCH_SLOWER) {
    note(context, `${formatCount(Math.round(wanted))} a second were asked for: the bus, or this host, took no more`);
  }
}
