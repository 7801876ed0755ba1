import { join } from "node:path";
import type { StreamStats } from "../../../agent/ports/outbox.ts";
import { startMosquitto } from "../broker/mosquitto.ts";
import { startProxy } from "../broker/proxy-process.ts";
import { createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { type Child, startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { draftOf, fileIn, inOutboxFolder, openIn } from "./outbox-folder.ts";
import { type OutboxLineFigures, type OutboxLineOptions, runOutboxLine } from "./outbox-line.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** Fresh records that come in meanwhile. */
export type Load = {
  readonly name: string;
  readonly perSecond: number;
  readonly bytes: number;
  readonly latencyMs: number;
};

/** A drain beside the same load without a backlog, turn by turn. */
export type DrainFigures = {
  readonly load: Load;
  /** Records of the backlog a second, and how many times what comes in. */
  readonly drainedPerSecond: Spread;
  readonly timesIngest: Spread;
  /** Of fresh records from stored to PUBACK, ms. */
  readonly delayMs: { readonly alone: Delays; readonly draining: Delays };
  /** Median with a backlog over that without, a round; and of the 99th percentiles. */
  readonly delayRatio: Spread;
  readonly delayP99Ratio: Spread;
  readonly loopP99Ms: { readonly alone: Spread; readonly draining: Spread };
  readonly loopMaxMs: Spread;
  readonly peakRssBytes: Spread;
  readonly cpuMicrosPerRecord: Spread;
};
type Delays = { readonly p50: Spread; readonly p99: Spread };

/** The whole backlog, drained at once to its end; `missing`: what left the outbox and came to no consumer. */
export type WholeDrain = OutboxLineFigures & { readonly records: number; readonly missing: number };

const THING = "veh-001";
const FILL_RECORDS = 1000;
const UNBOUNDED = 1e13;
const ARRIVE_MS = 20_000;
/** Small records of many sizes: prime steps through 500 to 3000 bytes. */
const SIZES = Array.from({ length: 97 }, (_, at) => 500 + ((at * 1031) % 2500));

export type DrainRequest = {
  readonly records: number;
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly secondsEach: number;
  /** Whether the rest is drained to its end. */
  readonly isWhole: boolean;
};

/** Drains an outbox of many records to a mosquitto with mutual TLS, from which a consumer in a process of its own takes them. */
export async function benchmarkDrain(
  request: DrainRequest,
): Promise<{ readonly loads: readonly DrainFigures[]; readonly whole: WholeDrain | undefined }> {
  return await inOutboxFolder(request.records * 4000, async (folder) => {
    const road = await openRoad(folder);
    try {
      const full = join(folder, "full");
      fill(full, request.records);
      const loads: DrainFigures[] = [];
      for (const load of request.loads) loads.push(await measureLoad(folder, road, load, request));
      const whole = request.isWhole ? await drainWhole(full, road) : undefined;
      return { loads, whole };
    } finally {
      await road.close();
    }
  });
}

/** The way from the outbox to a consumer. */
type Road = {
  readonly broker: NonNullable<OutboxLineOptions["broker"]>;
  readonly arrived: () => number;
  delayed(ms: number): Promise<NonNullable<OutboxLineOptions["broker"]>>;
  close(): Promise<void>;
};

/** Starts broker, consumer and a proxy that can delay. */
export async function openRoad(folder: string): Promise<Road> {
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
  const issue = async (commonName: string): Promise<{ certificateFile: string; keyFile: string }> =>
    writeIdentity(join(folder, "identities"), commonName, await authority.issue({ commonName, usage: "client" }));
  const proxy = await startProxy({ host: "127.0.0.1", port: mosquitto.port }, folder);
  let arrived = 0;
  const consumer = await startConsumer(folder, mosquitto, await issue("consumer"), () => {
    arrived += 1;
  });
  const broker = { thing: THING, port: mosquitto.port, caFile: mosquitto.caFile, ...(await issue(THING)) };
  return {
    broker,
    arrived: () => arrived,
    delayed: async (ms) => {
      if (ms === 0) return broker;
      await proxy.tell({ kind: "latency", ms });
      return { ...broker, port: proxy.port };
    },
    close: async () => {
      await consumer.stop();
      await proxy.stop();
      await mosquitto.stop();
    },
  };
}

/** A line for each message, of its length alone (mosquitto_sub(1), -F). */
function startConsumer(
  folder: string,
  mosquitto: { readonly port: number; readonly caFile: string },
  identity: { readonly certificateFile: string; readonly keyFile: string },
  onMessage: () => void,
): Promise<Child> {
  const { certificateFile, keyFile } = identity;
  const to = `-V 5 -h localhost -p ${mosquitto.port} -q 1 -i consumer -F %l -t dt/causeway/+/telemetry`;
  return startChild({
    command: "mosquitto_sub",
    args: [...to.split(" "), "--cafile", mosquitto.caFile, "--cert", certificateFile, "--key", keyFile],
    logFile: join(folder, "consumer.log"),
    onLine: onMessage,
  });
}

function fill(folder: string, records: number): void {
  const outbox = openIn(folder, UNBOUNDED);
  const drafts = SIZES.map(draftOf);
  for (let stored = 0; stored < records; stored += FILL_RECORDS) {
    const some = Math.min(FILL_RECORDS, records - stored);
    outbox.append(Array.from({ length: some }, (_, at) => drafts[(stored + at) % drafts.length]));
  }
  outbox.close();
}

async function measureLoad(folder: string, road: Road, load: Load, request: DrainRequest): Promise<DrainFigures> {
  const { rounds, secondsEach: seconds } = request;
  const { perSecond, bytes, latencyMs } = load;
  const broker = await road.delayed(latencyMs);
  const alone: OutboxLineFigures[] = [];
  const draining: OutboxLineFigures[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const run = (name: string): Promise<OutboxLineFigures> =>
      runOutboxLine(folder, { file: fileIn(join(folder, name)), ingest: { perSecond, bytes }, seconds, broker });
    alone.push(await run("empty"));
    draining.push(await run("full"));
  }
  const ratio = (pick: (figures: OutboxLineFigures) => number): Spread =>
    spreadOf(draining.map((one, round) => pick(one) / pick(alone[round])));
  const drained = draining.map(({ backlogRecords, seconds: took }) => backlogRecords / took);
  return {
    load,
    drainedPerSecond: spreadOf(drained),
    timesIngest: spreadOf(drained.map((one) => one / perSecond)),
    delayMs: { alone: delaysOf(alone), draining: delaysOf(draining) },
    delayRatio: ratio(({ freshDelayMs }) => freshDelayMs?.p50 ?? Number.NaN),
    delayP99Ratio: ratio(({ freshDelayMs }) => freshDelayMs?.p99 ?? Number.NaN),
    loopP99Ms: {
      alone: spreadOf(alone.map(({ loopDelayMs }) => loopDelayMs.p99)),
      draining: spreadOf(draining.map(({ loopDelayMs }) => loopDelayMs.p99)),
    },
    loopMaxMs: spreadOf(draining.map(({ loopDelayMs }) => loopDelayMs.max)),
    peakRssBytes: spreadOf(draining.map(({ peakRssBytes }) => peakRssBytes)),
    cpuMicrosPerRecord: spreadOf(draining.map((one) => one.cpuMicros / (one.backlogRecords + one.freshRecords))),
  };
}

function delaysOf(runs: readonly OutboxLineFigures[]): Delays {
  return {
    p50: spreadOf(runs.map(({ freshDelayMs }) => freshDelayMs?.p50 ?? Number.NaN)),
    p99: spreadOf(runs.map(({ freshDelayMs }) => freshDelayMs?.p99 ?? Number.NaN)),
  };
}

async function drainWhole(full: string, road: Road): Promise<WholeDrain> {
  const before = telemetryIn(full);
  const arrivedBefore = road.arrived();
  const options = { file: fileIn(full), ingest: { perSecond: 4, bytes: 3200 }, broker: road.broker };
  const figures = await runOutboxLine(full, options);
  const after = telemetryIn(full);
  const left = before.records + after.lastSeq - before.lastSeq - after.records;
  const missing = (): number => left - (road.arrived() - arrivedBefore);
  const all = { what: "what left the outbox arrives", timeoutMs: ARRIVE_MS };
  await until(() => (missing() <= 0 ? true : undefined), all).catch(() => undefined);
  return { ...figures, records: before.records, missing: Math.max(0, missing()) };
}

function telemetryIn(folder: string): StreamStats {
  const outbox = openIn(folder, UNBOUNDED);
  const { telemetry } = outbox.stats().streams;
  outbox.close();
  return telemetry;
}
