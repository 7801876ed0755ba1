import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { packedProgram } from "../agent/packed-program.ts";
import { startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { usageOf } from "../core/process-usage.ts";
import { until } from "../core/wait.ts";
import { allServices, THING, writeVehicle } from "./fleet-vehicle.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** What an agent in a process of its own takes, as a package has it: from its start to the first PUBACK, and idle from 33 s later on. */
export type MemoryFigures = {
  readonly name: string;
  readonly firstPubackMs: Spread;
  /** CPU until then, user and system. */
  readonly startCpuMs: Spread;
  readonly idleRssMb: Spread;
  /** CPU while idle, of one core. */
  readonly idleCpuShare: Spread;
};

type Program = {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly change: Readonly<Record<string, unknown>>;
};
type Run = {
  readonly firstPubackMs: number;
  readonly startCpuMs: number;
  readonly idleRssMb: number;
  readonly idleCpuShare: number;
};

const told = z.object({ delivery: z.object({ firstPubackMs: z.number().optional() }) });
const PATIENCE_MS = 60_000;
/** A start gives back what it alone needed after 30 s. */
const SETTLE_MS = 33_000;
const IDLE_MS = 10_000;

/** Starts the agent with all services off, with all on, and that of `before` (a checkout of earlier code) without them, turn by turn, `rounds` times; a first round, which fills caches, does not count. */
export async function benchmarkMemory(rounds: number, before: string | undefined): Promise<readonly MemoryFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const cloud = await startCommandCloud(join(folder, "cloud"), [THING]);
  // An account that takes each report, however soon it comes after a restart.
  cloud.defender.leastMs = 0;
  try {
    const here = await packedProgram(join(folder, "here"));
    const programs: readonly Program[] = [
      ...(before === undefined ? [] : [{ name: "earlier code", command: await earlier(folder, before), change: {} }]),
      { name: "all off", command: here, change: {} },
      { name: "all on", command: here, change: allServices(await freePorts(1)) },
    ];
    const runs = programs.map((): Run[] => []);
    for (let round = 0; round <= rounds; round += 1) {
      for (const [at, program] of programs.entries()) {
        const run = await runOnce(join(folder, `${round}-${at}`), cloud, program);
        if (round > 0) runs[at]?.push(run);
      }
    }
    return programs.map(({ name }, at) => figuresOf(name, runs[at] ?? []));
  } finally {
    await cloud.stop();
    rmSync(folder, { recursive: true });
  }
}

async function earlier(folder: string, before: string): Promise<Program["command"]> {
  return await packedProgram(join(folder, "before"), resolve(before));
}

async function runOnce(folder: string, cloud: CommandCloud, { command, change }: Program): Promise<Run> {
  const config = await writeVehicle(folder, cloud, change);
  const [program, ...options] = command;
  const agent = await startChild({
    command: program,
    args: [...options, "run", "--config", config],
    environment: { NODE_COMPILE_CACHE: join(folder, "..", "compiled") },
    logFile: join(folder, "agent.log"),
  });
  try {
    const socket = join(folder, "run", "view.sock");
    const first = async (): Promise<number | undefined> => {
      if (agent.hasEnded()) throw new Error(`the agent has ended: ${folder}/agent.log`);
      const status = await requestLocal(socket, { verb: "status" }).catch(() => undefined);
      return told.safeParse(status).data?.delivery.firstPubackMs;
    };
    const firstPubackMs = await until(first, { what: "the first PUBACK", timeoutMs: PATIENCE_MS, everyMs: 100 });
    const atStart = usageOf(agent.pid);
    await sleep(SETTLE_MS);
    const settled = usageOf(agent.pid);
    await sleep(IDLE_MS);
    const idle = usageOf(agent.pid);
    if (atStart === undefined || settled === undefined || idle === undefined) throw new Error("the agent has ended");
    return {
      firstPubackMs,
      startCpuMs: atStart.cpuUs / 1000,
      idleRssMb: idle.rssBytes / 1e6,
      idleCpuShare: (idle.cpuUs - settled.cpuUs) / (IDLE_MS * 1000),
    };
  } finally {
    await agent.stop(20_000);
  }
}

function figuresOf(name: string, runs: readonly Run[]): MemoryFigures {
  return {
    name,
    firstPubackMs: spreadOf(runs.map((run) => run.firstPubackMs)),
    startCpuMs: spreadOf(runs.map((run) => run.startCpuMs)),
    idleRssMb: spreadOf(runs.map((run) => run.idleRssMb)),
    idleCpuShare: spreadOf(runs.map((run) => run.idleCpuShare)),
  };
}
