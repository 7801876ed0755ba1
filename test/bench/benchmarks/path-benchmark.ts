import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { type Spread, spreadOf } from "./timing.ts";

/** What `benchmarkPath` runs. */
export type PathOptions = { readonly seconds: number; readonly framesPerSecond: number };

const pathRun = z.object({
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

/** What one run found. */
export type PathRun = z.infer<typeof pathRun>;

/** What `benchmarkPath` found, each over the rounds. */
export type PathFigures = Readonly<Record<keyof PathRun, Spread>> & { readonly cpuMicrosPerFrame: Spread };

/** Long enough that every module of the path is loaded and compiled once. */
const REHEARSAL_SECONDS = 0.1;

/**
 * Runs frames through decoding, collecting, encoding and the SQLite outbox, and out of it again, in a process of its own. CAN and
 * MQTT are not part of it. Node's compile cache is warm, as for a program that was started before: without it the resident
 * memory is that of the type stripper too.
 */
export async function benchmarkPath(options: PathOptions, rounds: number): Promise<PathFigures> {
  const cache = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  try {
    // Too short for figures: nothing may be stored in it.
    await printedBy({ ...options, seconds: REHEARSAL_SECONDS }, cache);
    const runs: PathRun[] = [];
    for (let round = 0; round < rounds; round += 1)
      runs.push(pathRun.parse(JSON.parse(await printedBy(options, cache))));
    return figuresOf(runs);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

function figuresOf(runs: readonly PathRun[]): PathFigures {
  const over = (of: keyof PathRun): Spread => spreadOf(runs.map((run) => run[of]));
  return {
    signals: over("signals"),
    seconds: over("seconds"),
    framesPerSecond: over("framesPerSecond"),
    samplesPerSecond: over("samplesPerSecond"),
    bytesPerSample: over("bytesPerSample"),
    cpuPercent: over("cpuPercent"),
    cpuMicrosPerFrame: spreadOf(runs.map((run) => (run.cpuPercent * 10_000) / run.framesPerSecond)),
    rssMb: over("rssMb"),
    framesHeldMb: over("framesHeldMb"),
    discardedSamples: over("discardedSamples"),
  };
}

async function printedBy({ seconds, framesPerSecond }: PathOptions, cache: string): Promise<string> {
  const script = join(import.meta.dirname, "../processes/path.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(seconds), String(framesPerSecond)], {
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  return stdout;
}
