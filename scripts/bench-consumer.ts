#!/usr/bin/env node
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../agent/core/errors.ts";
import { measureDelay, measureThroughput, type Throughput } from "../test/bench/benchmarks/consumer-benchmark.ts";
import { measureKills } from "../test/bench/benchmarks/consumer-kills.ts";
import { ratiosOf, spreadOf } from "../test/bench/benchmarks/timing.ts";
import { ConsumerBench, SINKS, type SinkName } from "../test/bench/cloud-consumer/consumer-bench.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:consumer -- [--json] [--only NAME] [--into SINK,...] [--records N] [--rounds N] [--kills] [--minutes N]

Measures workers of the cloud consumer: a real mosquitto, records made by the agent's own encoder (ten vehicles, 250 ms of 2000 frames/s
each, on change, zstd), workers as processes of their own, and what is in the store read back by DuckDB or the AWS SDK alone.

  --json       one JSON object
  --only NAME  one part: throughput, delay or kills
  --into LIST  sinks: ndjson, parquet, daily, dynamodb (a local one, dynalite); all when absent
  --records N  records of each vehicle in a backlog (200)
  --rounds N   for throughput: rounds in turns (3)
  --kills      the kills too: 1 to 4 workers, one of them killed every 10 s
  --minutes N  how long, for each sink (10)
  --help       this text

throughput  1, 2 and 4 workers take a backlog that was published while they stood still: from the moment they go on until all is durable, by
            the clock and by their CPU time. Linear is asked for on a machine with cores to spare alone
delay       two workers, 40 records/s: from the receipt of a frame to its row being durable, of the newest record of a commit; others
            have waited for it up to batch.ageMs (250 ms)
kills       gaps and repeats in the store after the kills

Example:
  npm run bench:consumer -- --json > figures.json
  npm run bench:consumer -- --only kills --minutes 10 --into parquet,dynamodb
`;

const VEHICLES = 10;
const RECORD_MS = 250;
const PER_SECOND = 40;
const DELAY_SECONDS = 20;
const KILL_EVERY_SECONDS = 10;
const SETTLE_SECONDS = 90;
const SEED = 15;
const WORKERS = [1, 2, 4] as const;
/** From so busy a machine on, more workers cannot do more. */
const FULL = 0.9;

const { values, tokens } = parseArgs({
  options: {
    into: { type: "string" },
    records: { type: "string", default: "200" },
    rounds: { type: "string", default: "3" },
    kills: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    only: { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
  tokens: true,
});
const sinks = sinksOf(values.into);

function sinksOf(list: string | undefined): readonly SinkName[] {
  const names = list?.split(",") ?? SINKS;
  const unknown = names.filter((name) => !SINKS.some((sink) => sink === name));
  if (unknown.length === 0) return SINKS.filter((sink) => names.some((name) => name === sink));
  process.stderr.write(`unknown sink ${unknown.join(", ")}; there are ${SINKS.join(", ")}\n`);
  process.exit(EXIT.usage);
}

/** Runs `measure` for each sink on a bench of its own. */
async function eachSink<T>(measure: (bench: ConsumerBench, sink: SinkName) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (const sink of sinks) {
    const folder = mkdtempSync(join(tmpdir(), "causeway-consumer-"));
    const bench = await ConsumerBench.start(folder, VEHICLES);
    try {
      all.push(await measure(bench, sink));
    } finally {
      await bench.stop();
    }
    rmSync(folder, { recursive: true });
  }
  return all;
}

async function throughput(): Promise<Part> {
  const figures = await eachSink(async (bench, sink) => {
    const runs = WORKERS.map((): Throughput[] => []);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [at, workers] of WORKERS.entries()) {
        process.stderr.write(`  ${nameOf({ sink, workers })}\n`);
        const request = { sink, workers, records: Number(values.records), recordMs: RECORD_MS };
        runs[at].push(await measureThroughput(bench, request));
      }
    }
    return runs;
  });
  return {
    rows: [...figures.flatMap(throughputRows), ...sizeRows(figures.flatMap((runs) => runs.map(([first]) => first)))],
    figures,
  };
}

/** Of rounds in turns with each number of workers. */
function throughputRows(all: readonly (readonly Throughput[])[]): Part["rows"] {
  return all.flatMap((runs) => {
    const over = (of: (run: Throughput) => number) => spreadOf(runs.map(of));
    const what = nameOf(runs[0]);
    const wrong = runs.map(({ account }) => account.gaps + account.repeats + account.partial + account.strangers);
    return [
      row(
        "throughput",
        `${what}: durable`,
        over((run) => run.recordsPerSecond),
        "records/s",
      ),
      row(
        "throughput",
        `${what}: durable`,
        over((run) => run.samplesPerSecond / 1000),
        "k samples/s",
      ),
      row(
        "throughput",
        `${what}: a core of the workers, durable`,
        over((run) => run.recordsPerCoreSecond),
        "records/s",
      ),
      row(
        "throughput",
        `${what}: a core of the workers, durable`,
        over((run) => run.samplesPerCoreSecond / 1000),
        "k samples/s",
      ),
      row(
        "throughput",
        `${what}: a core of the workers, at rest`,
        over((run) => run.samplesAtRestPerCoreSecond / 1000),
        "k samples/s",
      ),
      row(
        "throughput",
        `${what}: the machine is busy`,
        over((run) => run.busy * 100),
        "%",
      ),
      ...(runs === all[0] ? [] : scalingRows(all[0], runs)),
      row(
        "throughput",
        `${what}: missing, twice there or not whole`,
        wrong.reduce((sum, records) => sum + records, 0),
        "records",
        { atMost: 0 },
      ),
    ];
  });
}

/** Linear is asked for while there are cores left, in both runs; always that a core does as much as it did for one worker. */
function scalingRows(ones: readonly Throughput[], runs: readonly Throughput[]): Part["rows"] {
  const what = nameOf(runs[0]);
  const linear = ratiosOf(
    runs.map(({ recordsPerSecond }) => recordsPerSecond),
    ones.map(({ recordsPerSecond }) => recordsPerSecond * runs[0].workers),
  );
  const perCore = ratiosOf(
    runs.map(({ recordsPerCoreSecond }) => recordsPerCoreSecond),
    ones.map(({ recordsPerCoreSecond }) => recordsPerCoreSecond),
  );
  const isFull = [...ones, ...runs].some(({ busy }) => busy >= FULL);
  return [
    isFull
      ? { ...row("throughput", `${what}: against linear`, linear, "x"), goal: "the machine is full" }
      : row("throughput", `${what}: against linear`, linear, "x", { atLeast: 0.8 }),
    row("throughput", `${what}: a core against that of one worker`, perCore, "x", { atLeast: 0.8 }),
  ];
}

function nameOf({ sink, workers }: Pick<Throughput, "sink" | "workers">): string {
  return `${sink}, ${workers} worker${workers === 1 ? "" : "s"}`;
}

function sizeRows(runs: readonly Throughput[]): Part["rows"] {
  const sizes = runs.filter(({ workers, bytesPerSample }) => workers === 1 && bytesPerSample !== undefined);
  const payload = runs.at(0)?.payloadBytesPerSample ?? Number.NaN;
  const ndjson = sizes.find(({ sink }) => sink === "ndjson")?.bytesPerSample;
  return [
    row("size", "payload on the wire, zstd", payload, "bytes/sample"),
    ...sizes.flatMap(({ sink, bytesPerSample = Number.NaN }) => [
      row("size", `${sink} at rest`, bytesPerSample, "bytes/sample"),
      row("size", `${sink} against the payload`, bytesPerSample / payload, "x"),
      ...(ndjson === undefined ? [] : [row("size", `${sink} against NDJSON`, bytesPerSample / ndjson, "x")]),
    ]),
  ];
}

async function delay(): Promise<Part> {
  const request = { perSecond: PER_SECOND, seconds: DELAY_SECONDS, recordMs: RECORD_MS };
  const figures = await eachSink((bench, sink) => measureDelay(bench, { sink, ...request }));
  const rows = figures.flatMap(({ sink, fromFrameMs, fromRecordMs }) => [
    row("delay", `${sink}: frame to durable row, median`, fromFrameMs.p50, "ms"),
    row("delay", `${sink}: frame to durable row, 99th percentile`, fromFrameMs.p99, "ms"),
    row("delay", `${sink}: record made to durable, median`, fromRecordMs.p50, "ms"),
    row("delay", `${sink}: record made to durable, 99th percentile`, fromRecordMs.p99, "ms"),
  ]);
  return { rows, figures };
}

async function kills(): Promise<Part> {
  const seconds = Number(values.minutes) * 60;
  const load = { seconds, perSecond: PER_SECOND, recordMs: RECORD_MS };
  const request = { ...load, everySeconds: KILL_EVERY_SECONDS, seed: SEED, settleSeconds: SETTLE_SECONDS };
  const figures = await eachSink((bench, sink) => measureKills(bench, { sink, ...request }));
  const rows = figures.flatMap(({ sink, kills, account, repeatedDeliveries }) => [
    row("kills", `${sink}: workers killed in ${seconds} s (seed ${SEED})`, kills, "kills"),
    row("kills", `${sink}: records published`, account.published, "records"),
    row("kills", `${sink}: deliveries that came again`, repeatedDeliveries, "at least"),
    row("kills", `${sink}: gaps in the store`, account.gaps, "records", { atMost: 0 }),
    row("kills", `${sink}: repeats in the store`, account.repeats + account.partial + account.strangers, "records", {
      atMost: 0,
    }),
  ]);
  return { rows, figures };
}

const parts = { throughput, delay, ...((values.kills || values.only === "kills") && { kills }) };
const known = tokens.flatMap((token) => {
  if (token.kind !== "option" || !["only", "json", "help"].includes(token.name)) return [];
  return token.value === undefined ? [token.rawName] : [token.rawName, token.value];
});
process.exitCode = await printFigures(parts, HELP, known);
