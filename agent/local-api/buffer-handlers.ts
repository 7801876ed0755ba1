import type { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type Outbox, STREAMS, type StreamName } from "../ports/outbox.ts";
import { bufferDrop, bufferExport, bufferFlush, bufferList, bufferStats } from "./buffer-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** How often the outbox is looked at while a flush waits, ms. */
const FLUSH_POLL_MS = 100;
/** Records that a drop deletes in one turn: a few ms of the main thread. */
const DROP_ROWS = 100;
/** Bounds of what an export reads in one turn. */
const EXPORT_ROWS = 16;
const EXPORT_BYTES = 262_144;
export type BufferParts = {
  readonly outbox: Pick<Outbox, "stats" | "disk" | "list" | "lastRow" | "read" | "drop">;
  /** Ends every wait for a later attempt, of the link and of records. */
  readonly retryNow: () => void;
  /** Lets the outbox forget what has arrived by now. */
  readonly forgetDelivered: () => void;
  readonly clock: Clock;
  readonly log: Log;
};

/** The records that wait for delivery: `buffer.stats`, `buffer.list`, `buffer.flush`, `buffer.drop`. What changes something is logged before it acts. */
export function bufferHandlers(parts: BufferParts): readonly ServedVerb[] {
  const { outbox, log } = parts;
  return [
    bufferStats.answeredBy(() => ({ schemaVersion: 1, ...outbox.stats(), disk: outbox.disk() })),
    bufferList.answeredBy(({ stream, limit }) => ({ schemaVersion: 1, records: outbox.list(stream, limit) })),
    bufferExport.answeredBy((wanted) => storedRecords(outbox, wanted)),
    bufferFlush.answeredBy(async ({ waitMs }, signal) => {
      log.info("admin.flush-requested", { waitMs });
      return { schemaVersion: 1, waiting: await flush(parts, waitMs, signal) };
    }),
    bufferDrop.answeredBy(async ({ stream, waitMs }, signal) => {
      log.warn("admin.drop-requested", { stream });
      return { schemaVersion: 1, stream, ...(await drop(parts, stream, waitMs, signal)) };
    }),
  ];
}

/** A few at a time, each page when the one before was taken. */
async function* storedRecords(
  outbox: Pick<Outbox, "lastRow" | "read">,
  { stream, limit = Number.POSITIVE_INFINITY, state }: z.output<typeof bufferExport.request>,
) {
  const throughRow = outbox.lastRow();
  let given = 0;
  for (const one of stream === undefined ? STREAMS : [stream]) {
    for (let after: number | undefined = 0; after !== undefined && given < limit; ) {
      const page = outbox.read(one, after, throughRow, EXPORT_ROWS, EXPORT_BYTES, state);
      for (const { epoch, seq, storedAtUs, payload } of page.slice(0, limit - given)) {
        const base64 = Buffer.from(payload).toString("base64");
        yield { schemaVersion: 1 as const, epoch, stream: one, seq, storedAtUs, payload: base64 };
        given += 1;
      }
      after = page.at(-1)?.row;
    }
  }
}

/**
 * Gives up what `stream` holds now, a few records a turn, so that nothing else waits for it. What is on its way is left to arrive. Ends
 * after `waitMs`, or when nobody waits for the answer any more: `isWhole` says whether all of it is gone by then.
 */
async function drop(
  { outbox, clock, log }: BufferParts,
  stream: StreamName,
  waitMs: number,
  signal: AbortSignal,
): Promise<{ readonly dropped: number; readonly isWhole: boolean }> {
  const throughRow = outbox.lastRow();
  const endMs = clock.monotonicMs() + waitMs;
  let dropped = 0;
  let some: number;
  do {
    if (dropped > 0) await clock.sleep(0);
    some = outbox.drop(stream, throughRow, DROP_ROWS, "dropped by causeway buffer drop");
    dropped += some;
  } while (some === DROP_ROWS && !signal.aborted && clock.monotonicMs() < endMs);
  const isWhole = some < DROP_ROWS;
  log.warn("admin.dropped", { stream, records: dropped, isWhole });
  return { dropped, isWhole };
}

/** Tries everything again at once, and waits at most `waitMs` until what is stored now has been delivered. Gives how many records are left. */
async function flush(
  { outbox, retryNow, forgetDelivered, clock }: BufferParts,
  waitMs: number,
  signal: AbortSignal,
): Promise<number> {
  const throughRow = outbox.lastRow();
  const { epoch } = outbox.stats();
  const endMs = clock.monotonicMs() + waitMs;
  retryNow();
  // In another epoch, as when memory stands in for the disk, rows of this one are out of sight, not delivered.
  const isDelivered = (): boolean => {
    forgetDelivered();
    if (outbox.stats().epoch !== epoch) return false;
    return STREAMS.every((stream) => outbox.read(stream, 0, throughRow, 1, 1).length === 0);
  };
  while (!isDelivered() && !signal.aborted && clock.monotonicMs() < endMs) await clock.sleep(FLUSH_POLL_MS, signal);
  return isDelivered() ? 0 : Math.max(1, outbox.stats().records);
}
