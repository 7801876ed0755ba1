import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { composeCampaigns } from "../../../agent/daemon/compose-campaigns.ts";
import { NO_FILES } from "../../../agent/daemon/configuration/campaign-files.ts";
import type { BusSink, CanBus } from "../../../agent/ports/can-bus.ts";
import type { FrameBatch } from "../../../agent/ports/frame.ts";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { WantedSignals } from "../../../agent/signals/wanted-signals.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Collector } from "../../../agent/telemetry/collect/collector.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import { campaignDocument } from "../../../config/campaign.ts";
import { agentConfig } from "../../../config/schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import type { PathOptions, PathRun } from "../benchmarks/path-benchmark.ts";
import { SMOOTH_BUS, SmoothFrames, smoothTable } from "../benchmarks/smooth-signals.ts";

const NO_LINK = { state: "offline", sinceMs: 0, fault: undefined, connects: 0, limits: undefined } as const;
const DELIVER_EVERY_MS = 10;
const WARM_UP_MS = 1500;
const quiet = (): void => undefined;
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
const { collect, encode, campaigns } = agentConfig.shape;
const settings = {
  collect: collect.parse({}),
  encode: encode.parse({}),
  campaigns: campaigns.parse({}),
  buses: [],
  stateDir: "/",
};

/**
 * Runs the data path with the default settings in this process, which does nothing else, beside so many campaigns that wait for a
 * signal to be what it never is, and diagnostics that look for requests if they are asked for, and prints the figures as one line of JSON.
 */
async function main(options: PathOptions, campaigns: number, hasDiagnostics: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const clock = systemClock();
    const { outbox } = openOutbox({ file: join(folder, "outbox.db"), maxBytes: 256_000_000, clock, log });
    const table = smoothTable();
    const pipeline = pipelineOf(table, outbox, campaigns);
    const own = pipeline.sinkFor(silentBus());
    const sink = hasDiagnostics ? await besidesDiagnostics(own) : own;
    const figures = await measure({ pipeline, sink, outbox, options, signals: table.signals.length });
    outbox.close();
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pipelineOf(table: SignalTable, outbox: Outbox, idle: number): Pipeline {
  const clock = systemClock();
  const { batchMs, holdBytes, timeResolutionUs } = settings.collect;
  const encoder = new Encoder({
    thing: "truck-0001",
    bootId: "0123456789abcdef0123456789abcdef",
    table,
    clock,
    settings: { ...settings.encode, timeResolutionUs, lifeMs: {} },
  });
  const appender = new Appender({ outbox, clock, log, holdBytes, wake: quiet });
  const collector = new Collector(table);
  const wanted = new WantedSignals(table);
  const { set } = composeCampaigns(
    {
      config: settings,
      wanted,
      collector,
      encoder,
      appender,
      outbox,
      buses: [],
      found: { files: { ...NO_FILES, documents: idleCampaigns(table, idle) }, set: NO_FILES },
    },
    { clock, log, broker: { online: async () => undefined, status: () => NO_LINK } },
  );
  const running = set.list().length;
  if (running !== idle + 1) throw new Error(`${running - 1} of ${idle} campaigns run`);
  return new Pipeline({ table, collector, campaigns: set, encoder, appender, takers: {}, clock, batchMs });
}

function idleCampaigns(table: SignalTable, count: number) {
  return Array.from({ length: count }, (_, at) => {
    const { message, name } = table.signals[at % table.signals.length];
    return campaignDocument.parse({
      schemaVersion: 1,
      id: `idle-${at}`,
      version: 1,
      inputs: { x: `${message}.${name}` },
      trigger: { condition: "x > 1e9", mode: "while" },
      collect: [{ signals: `${message}.${name}`, mode: "every", ms: 0 }],
    });
  });
}

/** Shows the frames to diagnostics too, which look for another tester. Loaded only here: without them nothing of them is. */
async function besidesDiagnostics(first: BusSink): Promise<BusSink> {
  const { BusFrameTap } = await import("../../../agent/diagnostics/tester/frame-tap.ts");
  const { OtherTester } = await import("../../../agent/diagnostics/tester/other-tester.ts");
  const { OwnFrames } = await import("../../../agent/diagnostics/tester/own-frames.ts");
  const clock = systemClock();
  const tap = new BusFrameTap(quiet);
  const onSeen = (): never => {
    throw new Error("the frames of the benchmark are no requests");
  };
  const watching = new OtherTester({ tap, own: new OwnFrames(clock), clock, onSeen });
  watching.watch([{ id: 0x740, extended: false }]);
  return {
    onFrames: (batch) => {
      first.onFrames(batch);
      tap.onFrames(batch);
    },
    onState: (state, detail) => first.onState(state, detail),
  };
}

type MeasuredPath = {
  readonly pipeline: Pipeline;
  readonly sink: BusSink;
  readonly outbox: Outbox;
  readonly options: PathOptions;
  readonly signals: number;
};

async function measure({ pipeline, sink, outbox, options, signals }: MeasuredPath): Promise<PathRun> {
  const { seconds, framesPerSecond } = options;
  // Made before the measurement: what a driver would cost is measured elsewhere, and making test frames is no cost of the agent.
  const batches = framesOf(framesPerSecond, seconds + WARM_UP_MS / 1000);
  pipeline.start();
  const player = play(batches, sink);
  const drain = setInterval(() => deliverAll(outbox), 100);
  await sleep(WARM_UP_MS);
  const before = {
    cpu: process.cpuUsage(),
    at: performance.now(),
    ...pipeline.counters(),
    frames: decodedOf(pipeline),
  };
  await sleep(seconds * 1000);
  const cpu = process.cpuUsage(before.cpu);
  const elapsedMs = performance.now() - before.at;
  const after = { ...pipeline.counters(), frames: decodedOf(pipeline) };
  const rssBytes = process.memoryUsage.rss();
  clearInterval(player);
  clearInterval(drain);
  pipeline.stop();
  const samples = after.samples - before.samples;
  return {
    signals,
    seconds,
    framesPerSecond: ((after.frames - before.frames) * 1000) / elapsedMs,
    samplesPerSecond: (samples * 1000) / elapsedMs,
    bytesPerSample: (after.payloadBytes - before.payloadBytes) / samples,
    cpuPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
    rssMb: rssBytes / 1e6,
    // Frames wait in memory for the player; a driver would hold no more than a moment's.
    framesHeldMb: batches.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6,
    discardedSamples: after.discardedSamples,
  };
}

/** What the publisher does to the outbox, without the link. */
function deliverAll(outbox: Outbox): void {
  for (const stream of ["event", "telemetry"] as const) {
    const records = outbox.read(stream, 0, outbox.lastRow(), 32, 1_000_000);
    outbox.ack(records.map(({ row }) => row));
  }
}

function framesOf(framesPerSecond: number, seconds: number): FrameBatch[] {
  const perBatch = Math.round((framesPerSecond * DELIVER_EVERY_MS) / 1000);
  const frames = new SmoothFrames(framesPerSecond);
  return Array.from({ length: Math.ceil((seconds * 1000) / DELIVER_EVERY_MS) }, () => frames.batch(perBatch));
}

/** Delivers one batch every 10 ms by the clock, late ones together. */
function play(batches: readonly FrameBatch[], sink: BusSink): NodeJS.Timeout {
  const start = performance.now();
  let delivered = 0;
  return setInterval(() => {
    const due = Math.min(batches.length, Math.floor((performance.now() - start) / DELIVER_EVERY_MS));
    for (; delivered < due; delivered++) sink.onFrames(batches[delivered]);
  }, DELIVER_EVERY_MS);
}

function decodedOf(pipeline: Pipeline): number {
  return pipeline.counters().buses.get(SMOOTH_BUS)?.decoded ?? 0;
}

function silentBus(): CanBus {
  return {
    name: SMOOTH_BUS,
    start: async () => undefined,
    receive: () => undefined,
    stop: async () => undefined,
    send: async () => undefined,
    counters: () => ({ received: 0, dropped: 0, errorFrames: 0, transmitted: 0 }),
    filtered: () => 0,
    traffic: () => undefined,
    facts: () => ({ driver: "replay", receiveBuffer: undefined, timestamps: "process" }),
  };
}

await main(
  { seconds: Number(process.argv[2]), framesPerSecond: Number(process.argv[3]) },
  Number(process.argv[4] ?? "0"),
  process.argv[5] === "diagnostics",
);
