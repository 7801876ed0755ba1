import { z } from "zod";
import { HISTOGRAM_COUNTS, HISTOGRAM_KINDS } from "../../record/encode/histograms.ts";
import { decodeChunk, decodeHead } from "./cell-codec.ts";
import type { CellState } from "./cell-state.ts";

const address = z.int().min(0).max(255).optional();
const count = z.int().min(0).max(1_000_000);

/** What is kept of a sampler but its states: enough to report them when its campaign has gone. */
const keptOutline = z.object({
  version: z.literal(1),
  campaign: z.object({ id: z.string(), version: z.int(), digest: z.string() }),
  kind: z.enum(HISTOGRAM_KINDS),
  by: z.enum(HISTOGRAM_COUNTS),
  edges: z.array(z.array(z.number()).readonly()).max(2).readonly(),
  shape: z.object({ cells: count.min(1), carried: count, listed: count }),
  signals: z
    .array(
      z
        .array(
          z.object({
            bus: z.string(),
            message: z.string(),
            name: z.string(),
            unit: z.string(),
            source: address,
            destination: address,
          }),
        )
        .min(1)
        .max(2)
        .readonly(),
    )
    .readonly(),
});

export type KeptOutline = z.infer<typeof keptOutline>;

/** An outline as it is kept: JSON. */
export function encodeOutline(outline: KeptOutline): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(outline));
}

/** The outline in kept bytes; undefined for anything else, such as that of a newer version. */
export function decodeOutline(bytes: Uint8Array): KeptOutline | undefined {
  try {
    return keptOutline.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    // What is no JSON is no outline.
    return undefined;
  }
}

/** Key of a state beside its cells, by the signal's number. */
export function headKey(prefix: string, number: number): string {
  return `${prefix}/${number}`;
}

/** Fills a new state with what was kept under its `key`. What does not fit is as if it had not been. */
export function loadState(state: CellState, rows: ReadonlyMap<string, Uint8Array>, key: string): void {
  const head = rows.get(key);
  if (head === undefined || !decodeHead(head, state)) return;
  for (let chunk = 0; chunk < state.writtenChunks.length; chunk++) {
    const bytes = rows.get(`${key}/${chunk}`);
    if (bytes === undefined) continue;
    state.writtenChunks[chunk] = 1;
    decodeChunk(bytes, state.cells, chunk);
  }
}
