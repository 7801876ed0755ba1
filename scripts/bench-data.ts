#!/usr/bin/env node
import { benchmarkBatchBytes } from "../test/bench/benchmarks/batch-bytes.ts";
import { benchmarkDecode } from "../test/bench/benchmarks/decode-benchmark.ts";
import { benchmarkEncode } from "../test/bench/benchmarks/encode-benchmark.ts";
import { benchmarkEncryption } from "../test/bench/benchmarks/encryption-benchmark.ts";
import { benchmarkRest, benchmarkStore } from "../test/bench/benchmarks/outbox-benchmark.ts";
import { benchmarkPath } from "../test/bench/benchmarks/path-benchmark.ts";
import { benchmarkPublish } from "../test/bench/benchmarks/publish-benchmark.ts";
import { benchmarkReceive } from "../test/bench/benchmarks/receive-benchmark.ts";
import { benchmarkThinning } from "../test/bench/benchmarks/thinning-benchmark.ts";
import { scaled } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:data -- [--json] [--only NAME]

Measures the data line part by part, each beside its reference in the same run, and prints the goals beside the figures.

  --json       one JSON object
  --only NAME  one part: receive, decode, encode, outbox, publish or path
  --help       this text

Example:
  npm run bench:data -- --json > figures.json
`;

const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { receive, decode, encode, outbox, publish, path };

/** A vcan that nothing else uses; `scripts/guest exec` has one where the host's kernel has no CAN. */
const RECEIVE_ON = { interface: "vcan0", framesPerSecond: 4000, seconds: 2, rounds: 5 } as const;
const ROUNDS = 5;
/** Frames a second of a vehicle whose records are small, and what a sample may take of one. */
const BATCH_RATES = [2000, 8000] as const;
const BATCH_GOAL = { atMost: 2 } as const;

async function receive(): Promise<Part> {
  const figures = await benchmarkReceive(RECEIVE_ON);
  if (figures.kind === "unavailable") return notMeasured("receive", figures.reason);
  const { native, decoded, filtered, npmSocketcan, cRecvmmsg } = figures;
  const rows = [
    row("receive", "receive addon and driver", native.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "and each frame decoded", decoded.cpuMicrosPerSent, "µs CPU/frame"),
    row("receive", "a frame that the kernel holds back", filtered.cpuMicrosPerSent, "µs CPU/frame"),
    row("receive", "held back against decoded", figures.filteredToDecoded, "x"),
    row("receive", "npm socketcan", npmSocketcan.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "C reader with recvmmsg", cRecvmmsg.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "receive addon against npm socketcan", figures.nativeToNpmSocketcan, "x", { atMost: 1 / 6 }),
    row("receive", "frames the receive addon lost", native.lost, "frames", { atMost: 0 }),
    row("receive", "frames npm socketcan lost", npmSocketcan.lost, "frames"),
  ];
  return { rows, figures };
}

function notMeasured(part: string, reason: string): Part {
  const measured = { part, what: reason, measured: "not measured", unit: "", goal: "<= 1/6 of npm socketcan" };
  return { rows: [{ ...measured, met: undefined }], figures: { reason } };
}

function decode(): Part {
  const figures = benchmarkDecode();
  const { allNs, allAgain, oneOf20, none } = figures.wanted;
  const rows = [
    row("decode", "generated decoders", scaled(figures.generatedPerSecond, 1e-6), "M signals/s"),
    row("decode", "bit by bit, same process", scaled(figures.referencePerSecond, 1e-6), "M signals/s"),
    row("decode", "ratio (the goal is set against python cantools)", figures.ratio, "x", { atLeast: 30 }),
    row("decode", "a frame of which all signals are wanted", allNs, "ns CPU"),
    row("decode", "the same, after a time in which they were not", allAgain, "x", { atMost: 1.02 }),
    row("decode", "a frame where one signal of 20 is wanted", oneOf20, "x"),
    row("decode", "a frame of which none is wanted", none, "x"),
  ];
  return { rows, figures };
}

function encode(): Part {
  const batches = BATCH_RATES.map((rate) => ({ rate, ...benchmarkBatchBytes(rate) }));
  const figures = { ...benchmarkEncode(), batches, encryption: benchmarkEncryption() };
  const { clear, encrypted, wrapMicros } = figures.encryption;
  const { every, onChange, writeNs, protobufjsNs, ratioToProtobufjs, wholeZstdNs } = figures;
  const rows = [
    row("encode", "on change, not compressed", onChange.raw, "bytes/sample", { atMost: 3 }),
    row("encode", "on change, gzip", onChange.gzip, "bytes/sample", { atMost: 1.5 }),
    row("encode", "on change, zstd", onChange.zstd, "bytes/sample", { atMost: 1.5 }),
    row("encode", "every value, not compressed", every.raw, "bytes/sample", { atMost: 3 }),
    row("encode", "every value, gzip", every.gzip, "bytes/sample", { atMost: 1.5 }),
    row("encode", "every value, zstd", every.zstd, "bytes/sample", { atMost: 1.5 }),
    ...batches.flatMap(({ rate, gzip, zstd }) => [
      row("encode", `150 signals each 100 ms, ${rate} frames/s, gzip`, gzip, "bytes/sample", BATCH_GOAL),
      row("encode", `150 signals each 100 ms, ${rate} frames/s, zstd`, zstd, "bytes/sample", BATCH_GOAL),
    ]),
    row("encode", "hand writer", writeNs, "ns CPU/sample"),
    row("encode", "protobufjs, same process", protobufjsNs, "ns CPU/sample"),
    row("encode", "ratio", ratioToProtobufjs, "x", { atLeast: 5 }),
    row("encode", "sort, write and zstd", wholeZstdNs, "ns CPU/sample"),
    row("encode", `a record of ${clear.samples} samples, sealed`, clear.micros, "µs CPU/record"),
    row("encode", "and encrypted for consumers", encrypted.micros, "µs CPU/record"),
    row("encode", "its bytes", clear.bytes, "bytes/record"),
    row("encode", "encrypted", encrypted.bytes, "bytes/record"),
    row("encode", "a data key wrapped (RSA-3072), once in 100,000 records", wrapMicros, "µs CPU"),
  ];
  return { rows, figures };
}

function outbox(): Part {
  const figures = { store: benchmarkStore(), rest: benchmarkRest(), thinning: benchmarkThinning() };
  const { store } = figures;
  const { clear, encrypted } = figures.rest;
  const { ratio, megabytesPerSecond, longestMs, timesLonger } = figures.thinning;
  const rows = [
    row("outbox", "durable, a commit and fsync each", scaled(store.samplesPerSecond, 1e-6), "M samples/s", {
      atLeast: 2,
    }),
    row("outbox", "one row a sample, same SQLite", scaled(store.rowsPerSecond, 1e-6), "M samples/s"),
    row("outbox", "durable, beside the next", scaled(clear.samplesPerSecond, 1e-6), "M samples/s"),
    row("outbox", "durable, encrypted at rest", scaled(encrypted.samplesPerSecond, 1e-6), "M samples/s"),
    row("outbox", "a record of 3800 bytes stored", clear.storeMicros, "µs CPU"),
    row("outbox", "stored encrypted", encrypted.storeMicros, "µs CPU"),
    row("outbox", "read and acknowledged", clear.drainMicros, "µs CPU"),
    row("outbox", "read and acknowledged, encrypted", encrypted.drainMicros, "µs CPU"),
    row("outbox", "append, 99th percentile", store.appendP99Ms, "ms"),
    row("outbox", "read and acknowledged again", store.drainedPerSecond, "records/s"),
    row("outbox", `thinned ${ratio}:1, payload taken in`, megabytesPerSecond, "MB/s CPU", { atLeast: 5 }),
    row("outbox", "longest pause for it", longestMs, "ms CPU"),
    row("outbox", `until something is evicted, thinned ${ratio}:1 against not`, timesLonger, "x", { atLeast: 8 }),
  ];
  return { rows, figures };
}

async function publish(): Promise<Part> {
  const figures = await benchmarkPublish();
  const rows = [
    row("publish", "a record of 1500 bytes, from the disk to its acknowledgement", figures.withoutMicros, "µs CPU"),
    row("publish", "with data budgets", figures.withMicros, "µs CPU"),
    row("publish", "with against without", figures.ratio, "x", { atMost: 1.3 }),
    row("publish", "with data budgets, a broker that answers at once", figures.recordsPerSecond, "records/s"),
  ];
  return { rows, figures };
}

async function path(): Promise<Part> {
  const figures = await benchmarkPath({ seconds: 5, framesPerSecond: 8000 }, ROUNDS);
  const what = `${figures.signals.median} signals, ${Math.round(figures.framesPerSecond.median)} frames/s`;
  const rows = [
    row("path", `${what}: CPU`, figures.cpuPercent, "% of a core", { atMost: 5 }),
    row("path", "CPU", figures.cpuMicrosPerFrame, "µs/frame"),
    row("path", "resident memory", figures.rssMb, "MB", { atMost: 120 }),
    row("path", "samples stored", figures.samplesPerSecond, "samples/s"),
    row("path", "payload as stored", figures.bytesPerSample, "bytes/sample", { atMost: 1.5 }),
    row("path", "samples discarded", figures.discardedSamples, "", { atMost: 0 }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
