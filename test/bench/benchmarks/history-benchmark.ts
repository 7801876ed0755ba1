import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

/** What `benchmarkHistory` fills the history with: so many seconds of frames at this rate, alternating over two buses. */
export type HistoryOptions = {
  readonly maxBytes: number;
  readonly seconds: number;
  readonly framesPerSecond: number;
  /** 8 for classic frames, 64 for those of CAN FD. */
  readonly dataBytes: number;
};

const historyFigures = z.object({
  /** Memory of the history, and what of it the frames take. */
  bytes: z.number(),
  usedBytes: z.number(),
  frames: z.number(),
  heldSeconds: z.number(),
  overwrittenEarly: z.number(),
  /** A frame that is kept while there is room, one that overwrites others, and one that nobody wants. */
  pushNs: z.number(),
  overwriteNs: z.number(),
  unwantedNs: z.number(),
  /** Growth of the JavaScript heap and of the resident memory until the history was full and all of it was overwritten. */
  heapGrowthBytes: z.number(),
  rssGrowthBytes: z.number(),
  /** A trigger that asks for all of it, and then a frame that is read. */
  beginMs: z.number(),
  readNs: z.number(),
  /** Making and taking up the file that outlives a stop. */
  packMs: z.number(),
  packedBytes: z.number(),
  unpackMs: z.number(),
});

/** What `benchmarkHistory` found. */
export type HistoryFigures = z.infer<typeof historyFigures>;

/** Fills a history, overwrites all of it, reads it by a capture, and packs it, in a process of its own. */
export async function benchmarkHistory(options: HistoryOptions): Promise<HistoryFigures> {
  const script = join(import.meta.dirname, "../processes/history.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script, JSON.stringify(options)]);
  const printed: unknown = JSON.parse(stdout);
  return historyFigures.parse(printed);
}
