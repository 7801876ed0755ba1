import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import type { RecordDraft } from "../../../agent/ports/outbox.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import type { SampleLog } from "../../../agent/telemetry/collect/sample-log.ts";
import { ColumnSorter } from "../../../agent/telemetry/record/encode/columns.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { PayloadEncrypter } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { CollectRule } from "../../../config/schema.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { smoothCollector } from "./smooth-samples.ts";
import { SmoothFrames, smoothTable } from "./smooth-signals.ts";
import { cpuMs, inTurns, ratiosOf, type Spread, spreadOf } from "./timing.ts";

/** Frames of 1 s at 2000 frames/s: about 14,000 samples. */
const FRAMES = 2000;
const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
type Compression = (typeof COMPRESSIONS)[number];
const ROUNDS = 9;
const ROUND_MS = 80;

/** Payload bytes a sample. */
export type SampleBytes = { readonly raw: number; readonly gzip: number; readonly zstd: number };

/** What `benchmarkEncode` found. Times are ns of processor time a sample. */
export type EncodeFigures = {
  /** Every sample kept. */
  readonly every: SampleBytes;
  /** Only values that changed, as the configuration does by default. */
  readonly onChange: SampleBytes;
  /** Sorting the samples of a batch into columns. */
  readonly sortNs: Spread;
  /** Writing the sorted columns as a record: the hand writer, and protobufjs with its objects. */
  readonly writeNs: Spread;
  readonly protobufjsNs: Spread;
  readonly ratioToProtobufjs: Spread;
  /** Sorting, writing and compressing with zstd. */
  readonly wholeZstdNs: Spread;
};

/** Sizes and speed of the record encoder on smooth signals with noise, with times in ms. */
export function benchmarkEncode(): EncodeFigures {
  const table = smoothTable();
  const log = sampleLog(table, [{ signals: "*", mode: "every", ms: 0 }]);
  const sorter = new ColumnSorter();
  const [sort, sortWrite, sortProtobufjs, wholeZstd] = nsPerSample(log.count, [
    () => sorter.sort(table, log, 0, log.count).length,
    encoding(table, log, "none"),
    protobufjsEncoding(table, log),
    encoding(table, log, "zstd"),
  ]);
  const write = sortWrite.map((ns, round) => ns - sort[round]);
  const protobufjs = sortProtobufjs.map((ns, round) => ns - sort[round]);
  return {
    every: bytesPerSample(table, log),
    onChange: bytesPerSample(table, sampleLog(table, [])),
    sortNs: spreadOf(sort),
    writeNs: spreadOf(write),
    protobufjsNs: spreadOf(protobufjs),
    ratioToProtobufjs: ratiosOf(protobufjs, write),
    wholeZstdNs: spreadOf(wholeZstd),
  };
}

function bytesPerSample(table: SignalTable, log: SampleLog): SampleBytes {
  const [raw, gzip, zstd] = COMPRESSIONS.map((compression) => encoding(table, log, compression)() / log.count);
  return { raw, gzip, zstd };
}

/** Encodes the log once a call and gives the payload bytes. */
function encoding(table: SignalTable, log: SampleLog, compression: Compression): () => number {
  const encoder = encoderOf(table, compression);
  return () => encoder.samples(log, []).reduce((sum, draft) => sum + seal(draft).length, 0);
}

/** The payload of a draft, under an id as long as ids become. */
export function seal(draft: RecordDraft): Uint8Array {
  return draft.seal({ epoch: 0xa1b2_c3d4_e5f6, stream: "telemetry", seq: 123_456 });
}

/** The encoder of the benchmark's vehicle. */
export function encoderOf(table: SignalTable, compression: Compression, encrypter?: PayloadEncrypter): Encoder {
  return new Encoder({
    encrypter,
    thing: "truck-0001",
    bootId: "0123456789abcdef0123456789abcdef",
    table,
    clock: new ManualClock(),
    settings: { compression, maxPayloadBytes: 120_000, timeResolutionUs: 1000, lifeMs: {} },
  });
}

/** Samples of so many frames of the benchmark's vehicle, every one or those that changed, as a collector logs them. */
export function sampleLog(table: SignalTable, rules: readonly CollectRule[], frames = FRAMES): SampleLog {
  return smoothCollector(table, rules)(new SmoothFrames(2000).batch(frames));
}

/** The same record made the usual way: a plain object for protobufjs, with the deltas in plain arrays. */
function protobufjsEncoding(table: SignalTable, log: SampleLog): () => number {
  const type = protobuf.Root.fromDescriptor(readDescriptor()).lookupType("causeway.v1.Record");
  const sorter = new ColumnSorter();
  return () => {
    const columns = sorter.sort(table, log, 0, log.count);
    const [counts, starts, steps, axisOf, deltas]: number[][] = [[], [], [], [], []];
    let step = 0;
    for (const { signal, timesUs, values } of columns) {
      const isFirst = table.messages.some(({ firstSignal }) => firstSignal === signal.index);
      if (isFirst) {
        let tick = Math.round(timesUs[0] / 1000);
        counts.push(timesUs.length);
        starts.push(tick);
        for (let at = 1; at < timesUs.length; at++) {
          const next = Math.round(timesUs[at] / 1000);
          steps.push(next - tick - step);
          step = next - tick;
          tick = next;
        }
      }
      axisOf.push(counts.length - 1);
      for (let at = 1; at < values.length; at++) deltas.push(values[at] - values[at - 1]);
    }
    const packedSamples = {
      table: table.id,
      timeUnitUs: 1000,
      counts,
      starts: deltasOf(starts),
      steps,
      deltas,
      signals: deltasOf(columns.map(({ signal }) => signal.index)),
      axes: deltasOf(axisOf),
      firsts: columns.map(({ values }) => values[0]),
    };
    return type.encode({ thing: "truck-0001", epoch: 1, stream: "telemetry", seq: 1, packedSamples }).finish().length;
  };
}

function deltasOf(values: readonly number[]): number[] {
  return values.map((value, at) => (at === 0 ? value : value - values[at - 1]));
}

/** Runs each in turn for a short while, several times over. */
function nsPerSample(samples: number, runs: readonly (() => number)[]): readonly (readonly number[])[] {
  return inTurns(
    ROUNDS,
    runs.map((run) => () => (millisecondsOf(run) * 1_000_000) / samples),
  );
}

/** Mean processor time of one call. */
function millisecondsOf(run: () => number): number {
  const start = cpuMs();
  let calls = 0;
  while (cpuMs() - start < ROUND_MS) {
    run();
    calls += 1;
  }
  return (cpuMs() - start) / calls;
}
