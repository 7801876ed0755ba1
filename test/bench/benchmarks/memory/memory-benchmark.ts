import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { startMosquitto } from "../../broker/mosquitto.ts";
import { TcpProxy } from "../../broker/tcp-proxy.ts";
import { createAuthority } from "../../cloud/certificate-authority.ts";
import { type Child, startChild } from "../../core/child.ts";
import { buildNativeTool } from "../../native/native-tool.ts";
import {
  AGENT_THING,
  type MappedBuses,
  mapBuses,
  type PeerCloud,
  type PeerLoad,
  writePeerVehicle,
} from "../peer-vehicle.ts";
import { type Spread, spreadOf } from "../timing.ts";
import { fillOutbox } from "./backlog.ts";
import { MeasuredAgent, type MeasuredProgram, type MemoryFigures } from "./measured-agent.ts";

/** What an agent does while its memory is looked at. */
export const WORKS = ["idle", "loaded", "everything", "draining"] as const;
type Work = (typeof WORKS)[number];

/** One program at one work, MB, over the rounds. */
export type WorkFigures = {
  readonly program: string;
  readonly work: Work;
  readonly rss: Spread;
  readonly peak: Spread;
  readonly pss: Spread;
  readonly anonymous: Spread;
  readonly file: Spread;
  readonly heapCommitted: Spread;
  readonly heapUsed: Spread;
  readonly heapExternal: Spread;
  /** Processor time of the process while it was looked at, of one core. */
  readonly cpuShare: Spread;
  /** Records a second that left the outbox; 0 but for draining. */
  readonly drainedPerSecond: Spread;
};

/** How many rounds, and of what. `works` in the order of `WORKS`. */
export type MemoryRequest = {
  readonly rounds: number;
  readonly works: readonly Work[];
  readonly programs: readonly MeasuredProgram[];
};

/** Frames a second on each bus. */
const FRAMES: Readonly<Record<Work, number>> = { idle: 0, loaded: 8000, everything: 9000, draining: 8000 };
const EVERYTHING_BUSES = 8;
/** A start gives back what it alone needed after 30 s. */
const SETTLE_MS = 33_000;
const LOOK_MS = 10_000;
const BACKLOG_RECORDS = 100_000;
/** What is left of the backlog when draining counts as over: fresh records come all the while. */
const DRAINED_RECORDS = 100;
const DRAIN_MS = 180_000;

type Bench = {
  readonly folder: string;
  readonly cloud: PeerCloud;
  readonly generator: string;
  readonly one: MappedBuses;
  readonly many: MappedBuses;
};
type Run = MemoryFigures & { readonly cpuShare: number; readonly drainedPerSecond: number };

/** Runs each program at each work in turn, so many rounds. An agent is looked at for 10 s from 33 s after its start on, or as long as it drains. */
export async function benchmarkMemoryUse({ rounds, works, programs }: MemoryRequest): Promise<readonly WorkFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [AGENT_THING] });
  try {
    const generator = await buildNativeTool("frame-generator");
    const [one, many] = [await mapBuses(1), await mapBuses(EVERYTHING_BUSES)];
    const bench = { folder, cloud: { authority, mosquitto }, generator, one, many };
    if (works.includes("draining")) fillOutbox(join(folder, "backlog"), BACKLOG_RECORDS);
    const cases = works.flatMap((work) => programs.map((program): Case => ({ work, program, runs: [] })));
    for (let round = 0; round < rounds; round += 1) {
      for (const one of cases) one.runs.push(await runOnce(bench, one, join(folder, "agent")));
    }
    return cases.map(figuresOf);
  } finally {
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  }
}

type Case = { readonly work: Work; readonly program: MeasuredProgram; readonly runs: Run[] };

async function runOnce(bench: Bench, { work, program }: Case, folder: string): Promise<Run> {
  const { environment, names } = work === "everything" ? bench.many : bench.one;
  const load: PeerLoad = work === "everything" ? "everything" : "thinned";
  await writePeerVehicle(folder, bench.cloud, names, load);
  const { host, port } = bench.cloud.mosquitto;
  const proxy = new TcpProxy({ host, port });
  writeLink(folder, await proxy.start());
  if (work === "draining") {
    cpSync(join(bench.folder, "backlog"), join(folder, "state"), { recursive: true });
    await proxy.cut();
  }
  const compiled = { NODE_COMPILE_CACHE: join(bench.folder, `compiled-${program.name.replaceAll("/", "-")}`) };
  const agent = await MeasuredAgent.start(program, folder, { ...environment, ...compiled });
  const frames = work === "idle" ? undefined : await sendFrames(bench, work);
  try {
    await sleep(SETTLE_MS);
    return await (work === "draining" ? drain(agent, proxy) : look(agent));
  } finally {
    await frames?.stop();
    await agent.stop();
    await proxy.cut();
    rmSync(folder, { recursive: true });
  }
}

/** The broker behind a link that can be cut, and short waits between attempts. */
function writeLink(folder: string, port: number): void {
  mkdirSync(join(folder, "agent.d"));
  const broker = { port, reconnect: { minMs: 200, maxMs: 1000 } };
  writeFileSync(join(folder, "agent.d", "link.yaml"), stringify({ broker }));
}

function sendFrames({ generator, folder, one, many }: Bench, work: Work): Promise<Child> {
  const { names, environment } = work === "everything" ? many : one;
  const seconds = (SETTLE_MS + DRAIN_MS) / 1000 + 10;
  const args = [names.join(","), String(FRAMES[work]), String(seconds), "1"];
  return startChild({ command: generator, args, environment, logFile: join(folder, "generator.log") });
}

async function look(agent: MeasuredAgent): Promise<Run> {
  const figures = await agent.measure((elapsedMs) => elapsedMs >= LOOK_MS);
  return { ...figures, cpuShare: figures.cpuMs / LOOK_MS, drainedPerSecond: 0 };
}

async function drain(agent: MeasuredAgent, proxy: TcpProxy): Promise<Run> {
  let tookMs = 0;
  await proxy.restore();
  const figures = await agent.measure(async (elapsedMs) => {
    if (elapsedMs > DRAIN_MS) throw new Error(`the backlog is not drained within ${DRAIN_MS} ms`);
    tookMs = elapsedMs;
    const status = await agent.status();
    return status !== undefined && status.outbox.records <= DRAINED_RECORDS;
  });
  return { ...figures, cpuShare: figures.cpuMs / tookMs, drainedPerSecond: (BACKLOG_RECORDS * 1000) / tookMs };
}

function figuresOf({ work, program, runs }: Case): WorkFigures {
  const spread = (of: (run: Run) => number): Spread => spreadOf(runs.map(of));
  return {
    program: program.name,
    work,
    rss: spread(({ rss }) => rss),
    peak: spread(({ peak }) => peak),
    pss: spread(({ pss }) => pss),
    anonymous: spread(({ anonymous }) => anonymous),
    file: spread(({ file }) => file),
    heapCommitted: spread(({ heap }) => heap.committed),
    heapUsed: spread(({ heap }) => heap.used),
    heapExternal: spread(({ heap }) => heap.external),
    cpuShare: spread(({ cpuShare }) => cpuShare),
    drainedPerSecond: spread(({ drainedPerSecond }) => drainedPerSecond),
  };
}
