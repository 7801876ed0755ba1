import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { type Spread, spreadOf } from "./timing.ts";

/** What the data path costs in a process of its own. */
export type OffFigures = {
  readonly name: string;
  readonly cpuPercent: Spread;
  readonly rssMb: Spread;
  /** CPU time to load, start and stop it with next to no frames, ms. */
  readonly startMs: Spread;
};

const printed = z.object({ cpuPercent: z.number(), rssMb: z.number() });
const SCRIPT = "test/bench/processes/path.ts";
const ROUNDS = 5;
const SECONDS = 5;
const FRAMES_PER_SECOND = 8000;
const FEW_FRAMES = 100;

type Runner = { readonly name: string; readonly folder: string; readonly campaigns: number; readonly beside?: string };
type Run = { readonly cpuPercent: number; readonly rssMb: number; readonly startMs: number };

/** Runs the data path without campaigns, with 1 and with 100 that are idle, beside diagnostics that see every frame, and with the code of `before`, turn by turn. */
export async function benchmarkOff(before: string | undefined): Promise<readonly OffFigures[]> {
  const here = join(import.meta.dirname, "../../..");
  const runners: readonly Runner[] = [
    ...(before === undefined ? [] : [{ name: "earlier code", folder: resolve(before), campaigns: 0 }]),
    ...[0, 1, 100].map((campaigns) => ({ name: `${campaigns} idle campaigns`, folder: here, campaigns })),
    { name: "diagnostics that hear no request", folder: here, campaigns: 0, beside: "diagnostics" },
  ];
  const cache = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  const runs = new Map<string, Run[]>(runners.map(({ name }) => [name, []]));
  try {
    // The first round fills Node's compile cache, as for a program that was started before.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const runner of runners) {
        const one = await runOnce(runner, cache, round === 0 ? 0.1 : SECONDS);
        if (round > 0) runs.get(runner.name)?.push(one);
      }
    }
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
  return [...runs].map(([name, list]) => ({
    name,
    cpuPercent: spreadOf(list.map(({ cpuPercent }) => cpuPercent)),
    rssMb: spreadOf(list.map(({ rssMb }) => rssMb)),
    startMs: spreadOf(list.map(({ startMs }) => startMs)),
  }));
}

/** The output of the path, and the CPU time that it took in all, which bash tells of its children. */
async function pathOf(
  { folder, campaigns, beside = "" }: Runner,
  cache: string,
  load: { readonly seconds: number; readonly framesPerSecond: number },
): Promise<{ readonly output: string; readonly cpuMs: number }> {
  const { stdout } = await promisify(execFile)(
    "bash",
    [
      "-c",
      '"$@"; times',
      "bash",
      process.execPath,
      SCRIPT,
      `${load.seconds}`,
      `${load.framesPerSecond}`,
      `${campaigns}`,
      beside,
    ],
    { cwd: folder, env: { ...process.env, NODE_COMPILE_CACHE: cache } },
  );
  const [output, , children] = stdout.trim().split("\n");
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  return { output, cpuMs: times.reduce((sum, one) => sum + one, 0) * 1000 };
}

async function runOnce(runner: Runner, cache: string, seconds: number): Promise<Run> {
  const { output } = await pathOf(runner, cache, { seconds, framesPerSecond: FRAMES_PER_SECOND });
  const { cpuPercent, rssMb } = printed.parse(JSON.parse(output));
  const { cpuMs } = await pathOf(runner, cache, { seconds: 0.1, framesPerSecond: FEW_FRAMES });
  return { cpuPercent, rssMb, startMs: cpuMs };
}
