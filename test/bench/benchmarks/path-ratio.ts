import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { ratiosOf, type Spread, spreadOf } from "./timing.ts";

const printed = z.object({ cpuPercent: z.number(), framesPerSecond: z.number() });
const SCRIPT = "test/bench/processes/path.ts";
const HERE = join(import.meta.dirname, "../../..");
const SECONDS = 4;
const FRAMES_PER_SECOND = 16_000;

/** What the data path costs beside that of an earlier checkout, µs of processor a frame. */
export type PathRatio = {
  readonly nowMicros: Spread;
  readonly beforeMicros: Spread;
  /** Over pairs of runs. */
  readonly ratio: Spread;
};

/** Runs the data path of both checkouts in processes of their own, turn by turn, `pairs` times, each first as often as the other. */
export async function benchmarkPathRatio(before: string, pairs: number): Promise<PathRatio> {
  const cache = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  const [now, then]: [number[], number[]] = [[], []];
  try {
    // Fills the compile cache of both.
    for (const folder of [HERE, resolve(before)]) await microsOf(folder, cache, 0.1);
    for (let pair = 0; pair < pairs; pair += 1) {
      const order = pair % 2 === 0 ? ([HERE, before] as const) : ([before, HERE] as const);
      for (const folder of order) (folder === HERE ? now : then).push(await microsOf(resolve(folder), cache, SECONDS));
    }
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
  return { nowMicros: spreadOf(now), beforeMicros: spreadOf(then), ratio: ratiosOf(now, then) };
}

async function microsOf(folder: string, cache: string, seconds: number): Promise<number> {
  const args = [SCRIPT, `${seconds}`, `${FRAMES_PER_SECOND}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  const { cpuPercent, framesPerSecond } = printed.parse(JSON.parse(stdout));
  return (cpuPercent * 10_000) / framesPerSecond;
}
