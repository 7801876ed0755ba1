import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

/** What `benchmarkPath` runs. */
export type PathOptions = { readonly seconds: number; readonly framesPerSecond: number };

const pathFigures = z.object({
  signals: z.number(),
  seconds: z.number(),
  /** Frames decoded and samples stored a second, in fact. */
  framesPerSecond: z.number(),
  samplesPerSecond: z.number(),
  /** As stored: compressed with the default settings. */
  bytesPerSample: z.number(),
  /** User and system time of the process in percent of one core. */
  cpuPercent: z.number(),
  /** Resident memory of the process, with the frames that wait for the player. */
  rssMb: z.number(),
  framesHeldMb: z.number(),
  discardedSamples: z.number(),
});

/** What `benchmarkPath` found. */
export type PathFigures = z.infer<typeof pathFigures>;

/** Long enough that every module of the path is loaded and compiled once. */
const REHEARSAL_SECONDS = 0.1;

/**
 * Runs frames through decoding, collecting, encoding and the SQLite outbox, and out of it again, in a process of its own. CAN and
 * MQTT are not part of it. Node's compile cache is warm, as for a program that was started before: without it the resident
 * memory is that of the type stripper too.
 */
export async function benchmarkPath(options: PathOptions): Promise<PathFigures> {
  const cache = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  try {
    await run({ ...options, seconds: REHEARSAL_SECONDS }, cache);
    return await run(options, cache);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function run({ seconds, framesPerSecond }: PathOptions, cache: string): Promise<PathFigures> {
  const script = join(import.meta.dirname, "../processes/path.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(seconds), String(framesPerSecond)], {
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  const printed: unknown = JSON.parse(stdout);
  return pathFigures.parse(printed);
}
