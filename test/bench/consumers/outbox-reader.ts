import { existsSync } from "node:fs";
import Database from "better-sqlite3";
import { z } from "zod";
import type { LastSeq } from "./delivery-account.ts";

/** Stream names by their number in the file (drivers/sqlite/outbox/schema.ts). */
const STREAM_NAMES = ["control", "event", "telemetry", "capture"] as const;

const rows = z.array(
  z.object({ epoch: z.number(), stream: z.int().min(0).max(3), last_seq: z.number(), records: z.number() }),
);

/** What an outbox file says of itself: the highest seq of each stream, and how many records it still holds. */
export type OutboxContent = { readonly lastSeqs: readonly LastSeq[]; readonly records: number };

/** Reads an outbox file that no agent uses any more; nothing when there is none. */
export function readOutbox(file: string): OutboxContent {
  if (!existsSync(file)) return { lastSeqs: [], records: 0 };
  const database = new Database(file, { readonly: true });
  try {
    const found: unknown = database.prepare("SELECT epoch, stream, last_seq, records FROM outbox, streams").all();
    const streams = rows.parse(found);
    return {
      lastSeqs: streams.map(({ epoch, stream, last_seq }) => ({
        epoch,
        stream: STREAM_NAMES[stream],
        lastSeq: last_seq,
      })),
      records: streams.reduce((sum, { records }) => sum + records, 0),
    };
  } finally {
    database.close();
  }
}
