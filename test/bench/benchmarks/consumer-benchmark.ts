import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConsumerBench, Run, SinkName } from "../cloud-consumer/consumer-bench.ts";
import { accountOf, type SinkAccount } from "../cloud-consumer/sink-account.ts";
import type { WorkerFleet } from "../cloud-consumer/worker-fleet.ts";
import { ratesOf, type Spent, type WorkerRates } from "../cloud-consumer/worker-rates.ts";
import { machineUsage } from "../core/machine-usage.ts";
import { until } from "../core/wait.ts";
import { type Times, timesOf } from "./timing.ts";

/** What a run is given. */
type ThroughputRequest = {
  readonly sink: SinkName;
  readonly workers: number;
  /** Of each vehicle. */
  readonly records: number;
  /** Frames in one record, ms. */
  readonly recordMs: number;
};

/** How fast a backlog was taken: from the moment the workers were let go until all of it was durable. */
export type Throughput = WorkerRates & {
  readonly sink: SinkName;
  readonly workers: number;
  /** A core of theirs, until all rows were where readers look: the work of the roller is in it. */
  readonly samplesAtRestPerCoreSecond: number;
  /** Share of the machine's cores that was busy meanwhile, 0..1, whoever used them. */
  readonly busy: number;
  readonly payloadBytesPerSample: number;
  /** Of the files, where they are such. */
  readonly bytesPerSample: number | undefined;
  readonly account: SinkAccount;
};

/** Longest that a backlog may take. */
const TIMEOUT_MS = 600_000;
const LOOK_EVERY_MS = 50;
/** Nothing more comes when nothing has come for so long. */
const QUIET_MS = 10_000;

/**
 * Lets workers take a backlog that lies in the broker, in their own sessions: they are subscribed and then stopped (SIGSTOP) while it is
 * published, and go on all at once. From that moment the clock and their CPU time count, until all is durable, and until files are whole.
 */
export async function measureThroughput(bench: ConsumerBench, request: ThroughputRequest): Promise<Throughput> {
  const { sink, workers, records, recordMs } = request;
  const run = await bench.run(sink);
  for (let at = 0; at < workers; at++) await run.fleet.add();
  await run.fleet.ready();
  run.fleet.pause();
  const publisher = await bench.publisher(recordMs);
  const { streams, payloadBytes } = await publisher.publish({ records });
  await publisher.stop();
  const total = streams.reduce((sum, stream) => sum + stream.samples.length, 0);
  const { busy, durable, atRest } = await untilTaken(run, total);
  await run.fleet.stop();
  const account = accountOf(streams, await run.read());
  const done = { records: account.published - account.gaps, samples: account.samples };
  const cores = availableParallelism();
  return {
    sink,
    workers,
    ...ratesOf(done, durable, cores),
    samplesAtRestPerCoreSecond: ratesOf(done, atRest, cores).samplesPerCoreSecond,
    busy,
    payloadBytesPerSample: payloadBytes / account.samples,
    bytesPerSample: run.files === undefined ? undefined : sampleBytes(run.files) / account.samples,
    account,
  };
}

type Taken = { readonly busy: number; readonly durable: Spent; readonly atRest: Spent };
type Look = {
  readonly ms: number;
  readonly cpuUs: number;
  readonly machine: ReturnType<typeof machineUsage>;
};

/** Lets the workers go on. */
async function untilTaken({ fleet }: Run, total: number): Promise<Taken> {
  const look = (): Look => ({ ms: performance.now(), cpuUs: fleet.cpuUs(), machine: machineUsage() });
  const first = look();
  fleet.resume();
  const durable = await untilDurable(fleet, look, total);
  await until(async () => ((await fleet.isAtRest()) ? true : undefined), {
    what: "all rows are at rest",
    timeoutMs: TIMEOUT_MS,
    everyMs: LOOK_EVERY_MS,
  });
  const atRest = look();
  const spent = ({ ms, cpuUs }: Look): Spent => {
    return { seconds: (ms - first.ms) / 1000, cpuSeconds: (cpuUs - first.cpuUs) / 1e6 };
  };
  const busy = (durable.machine.busyUs - first.machine.busyUs) / (durable.machine.totalUs - first.machine.totalUs);
  return { busy, durable: spent(durable), atRest: spent(atRest) };
}

/** When all was written; or the last time that more was, where nothing is any more: then the account says what is missing. */
async function untilDurable(fleet: WorkerFleet, look: () => Look, total: number): Promise<Look> {
  let written = 0;
  let last = look();
  const probe = async (): Promise<Look | undefined> => {
    const now = await fleet.sum("causeway_consumer_written_total");
    const seen = look();
    if (now > written) [written, last] = [now, seen];
    return now >= total || seen.ms - last.ms > QUIET_MS ? last : undefined;
  };
  return await until(probe, { what: "the backlog is taken", timeoutMs: TIMEOUT_MS, everyMs: LOOK_EVERY_MS });
}

/** Bytes of the sample files in a folder: not those of events, nor of the store itself. */
function sampleBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const samples = files.filter(
    (name) => /\.(parquet|ndjson)$/.test(name) && !/(^|\/)events\/|\.events\.|\.partial\//.test(name),
  );
  return samples.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Times until the newest record of a commit is durable: others of it waited up to `batch.ageMs` more. */
export type Delay = {
  readonly sink: SinkName;
  /** From the receipt of a frame. */
  readonly fromFrameMs: Times;
  /** From the making of the record, without the time that its samples waited for each other. */
  readonly fromRecordMs: Times;
  readonly looks: number;
};

const LAG_EVERY_MS = 10;
/** Parts that the time of a record is cut in, each of which has as many samples. */
const AGE_STEPS = 25;

/** Publishes `perSecond` records of all vehicles for `seconds`, two workers, and looks at what the workers say of the newest record. */
export async function measureDelay(
  bench: ConsumerBench,
  {
    sink,
    perSecond,
    seconds,
    recordMs,
  }: { readonly sink: SinkName; readonly perSecond: number; readonly seconds: number; readonly recordMs: number },
): Promise<Delay> {
  const run = await bench.run(sink);
  await run.fleet.add();
  await run.fleet.add();
  await run.fleet.ready();
  const publisher = await bench.publisher(recordMs);
  const published = publisher.publish({ perSecond, seconds });
  const stop = new AbortController();
  void published.finally(() => stop.abort());
  const lags: number[] = [];
  const last = new Map<number, number>();
  while (!stop.signal.aborted) {
    for (let at = 0; at < run.fleet.size; at++) {
      const lag = (await run.fleet.metrics(at)).get("causeway_consumer_lag_seconds");
      if (lag === undefined || lag === last.get(at)) continue;
      last.set(at, lag);
      lags.push(lag * 1000);
    }
    await sleep(LAG_EVERY_MS);
  }
  await published;
  await publisher.stop();
  await run.fleet.stop();
  const ages = Array.from({ length: AGE_STEPS }, (_, at) => ((at + 0.5) * recordMs) / AGE_STEPS);
  const all = lags.flatMap((lag) => ages.map((age) => lag + age));
  return { sink, fromFrameMs: timesOf(all), fromRecordMs: timesOf(lags), looks: lags.length };
}
