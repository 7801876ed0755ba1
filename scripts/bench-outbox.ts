#!/usr/bin/env node
import { benchmarkStore } from "../test/bench/benchmarks/outbox-benchmark.ts";
import { benchmarkDrain, type DrainFigures, type WholeDrain } from "../test/bench/benchmarks/outbox-drain.ts";
import {
  benchmarkGrowth,
  GROWTH_CALLS,
  type GrowthCall,
  type GrowthStep,
} from "../test/bench/benchmarks/outbox-growth.ts";
import { benchmarkWrites } from "../test/bench/benchmarks/outbox-writes.ts";
import { scaled } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:outbox -- [--json] [--only NAME] [--gigabytes N] [--records N]

The outbox on the disk of TMPDIR (/tmp when not set), and the publisher that drains it to a mosquitto with mutual TLS. All parts take about 15 minutes on an idle machine.

  --json         one JSON object
  --only NAME    one part:
                   store   what is durable in a second, each commit synced
                   writes  bytes to the disk for a byte of payload, at steady rates
                   growth  what a record costs with a file of up to N GB, beside one that is empty
                   drain   a backlog beside fresh records, and fresh records without one
  --gigabytes N  the largest file of growth; 10 when absent. So much and 5 GB must be free
  --records N    the backlog of drain; 1000000 when absent, which take 2 GB
  --help         this text

Example:
  npm run bench:outbox -- --only growth --gigabytes 2
`;

const ROUNDS = 5;
const WRITE_SECONDS = 20;
const DRAIN_SECONDS = 8;
/** A record a second and four, as 150 signals each 100 ms make them; what 8000 frames/s are with everything collected; and a mobile link. */
const LOADS = [
  { name: "1/s of 10 kB", perSecond: 1, bytes: 10_000, latencyMs: 0 },
  { name: "4/s of 3.2 kB", perSecond: 4, bytes: 3200, latencyMs: 0 },
  { name: "4/s of 13 kB", perSecond: 4, bytes: 13_000, latencyMs: 0 },
  { name: "4/s of 3.2 kB, link of 100 ms", perSecond: 4, bytes: 3200, latencyMs: 50 },
] as const;
const NAMES: Readonly<Record<GrowthCall, string>> = {
  append: "stored, four a commit",
  readOldest: "read, the oldest",
  readNewest: "read, the newest",
  ack: "acknowledged, 50 a commit",
  evict: "stored where another must go",
  stats: "a look at the state",
};

const args = process.argv.slice(2);
const gigabytes = numberOf("--gigabytes", 10);
const records = numberOf("--records", 1_000_000);

const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { store, writes, growth, drain };

/** Takes the option and its value out of the arguments. */
function numberOf(option: string, otherwise: number): number {
  const at = args.indexOf(option);
  const given = at < 0 ? undefined : Number(args.splice(at, 2)[1]);
  if (given === undefined) return otherwise;
  if (Number.isFinite(given) && given > 0) return given;
  process.stderr.write(`${option} needs a number above 0\n`);
  process.exit(64);
}

function store(): Part {
  const figures = benchmarkStore(ROUNDS);
  const part = "store";
  const rows = [
    row(part, "durable, a commit and fsync each", scaled(figures.samplesPerSecond, 1e-6), "M samples/s", {
      atLeast: 2,
    }),
    row(part, "records of 4000 bytes, four a commit", figures.recordsPerSecond, "records/s"),
    row(part, "append, 99th percentile", figures.appendP99Ms, "ms"),
    row(part, "a record stored", figures.storeMicros, "µs CPU"),
    row(part, "read and acknowledged again", figures.drainedPerSecond, "records/s"),
    row(part, "one row a sample, same SQLite", scaled(figures.rowsPerSecond, 1e-6), "M samples/s"),
  ];
  return { rows, figures };
}

async function writes(): Promise<Part> {
  const figures = await benchmarkWrites(ROUNDS, WRITE_SECONDS);
  const rows = figures.map(({ name, writtenPerPayloadByte, isOnline }) =>
    row("writes", name, writtenPerPayloadByte, "bytes/byte", isOnline ? { atMost: 3 } : undefined),
  );
  return { rows, figures };
}

async function growth(): Promise<Part> {
  const sizes = [0.1, 0.5, 1].map((share) => Number((share * gigabytes).toPrecision(3)));
  const steps = await benchmarkGrowth(sizes);
  return { rows: steps.flatMap((step) => [...growthRows(step), ...ratioRows(step)]), figures: { steps } };
}

function growthRows({ gigabytes: size, costs, openMs, openColdMs }: GrowthStep) {
  const at = `${size} GB`;
  return [
    ...GROWTH_CALLS.map((call) => row("growth", `${at}: ${NAMES[call]}`, costs[call].wallMicros, "µs")),
    row("growth", `${at}: opened`, openMs, "ms"),
    row("growth", `${at}: opened, the file not in memory`, openColdMs, "ms"),
  ];
}

/** By processor time: what else the machine does is not in it. */
function ratioRows({ gigabytes: size, ratios }: GrowthStep) {
  return GROWTH_CALLS.map((call) =>
    row("growth", `${size} GB against empty: ${NAMES[call]}`, ratios[call], "x CPU", { atMost: 1.2 }),
  );
}

async function drain(): Promise<Part> {
  const request = { records, loads: LOADS, rounds: ROUNDS, secondsEach: DRAIN_SECONDS, isWhole: true };
  const { loads, whole } = await benchmarkDrain(request);
  const rows = loads.flatMap(drainRows);
  return { rows: whole === undefined ? rows : [...rows, ...wholeRows(whole)], figures: { loads, whole } };
}

function drainRows(figures: DrainFigures) {
  const { load, timesIngest, drainedPerSecond, delayMs, delayRatio, delayP99Ratio, loopP99Ms } = figures;
  const of = (what: string): string => `${load.name}: ${what}`;
  return [
    row("drain", of("backlog"), drainedPerSecond, "records/s"),
    row("drain", of("backlog against what comes in"), timesIngest, "x", { atLeast: 5 }),
    row("drain", of("stored to PUBACK, without a backlog"), delayMs.alone.p50, "ms"),
    row("drain", of("stored to PUBACK, with it"), delayMs.draining.p50, "ms"),
    row("drain", of("with against without"), delayRatio, "x", { atMost: 2 }),
    row("drain", of("99th percentiles, with against without"), delayP99Ratio, "x"),
    row("drain", of("event loop late by, 99th percentile"), loopP99Ms.draining, "ms", { atMost: 20 }),
    row("drain", of("the same without a backlog"), loopP99Ms.alone, "ms"),
    row("drain", of("processor time"), figures.cpuMicrosPerRecord, "µs/record"),
    row("drain", of("resident memory, most"), scaled(figures.peakRssBytes, 1e-6), "MB"),
  ];
}

function wholeRows({ records: count, seconds, missing, loopDelayMs, ...rest }: WholeDrain) {
  const of = (what: string): string => `the last ${count} to the end: ${what}`;
  return [
    row("drain", of("took"), seconds, "s"),
    row("drain", of("records that came to no consumer"), missing, "", {
      atMost: 0,
    }),
    row("drain", of("event loop late by, 99th percentile"), loopDelayMs.p99, "ms", { atMost: 20 }),
    row("drain", of("at most"), loopDelayMs.max, "ms"),
    row("drain", of("resident memory, most"), rest.peakRssBytes / 1e6, "MB"),
    row("drain", of("written to the disk"), rest.writtenBytes / 1e6, "MB"),
  ];
}

process.exitCode = await printFigures(PARTS, HELP, args);
