import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type Outbox, STREAMS, type StreamName } from "../ports/outbox.ts";
import type { ViewHandler } from "./signals-handlers.ts";

/** How often the outbox is looked at while a flush waits, ms. */
const FLUSH_POLL_MS = 100;
/** Records that a drop deletes in one turn: a few ms of the main thread. */
const DROP_ROWS = 100;
/** Longest time a flush waits or a drop goes on, ms; the client may give up earlier. */
const MAX_WAIT_MS = 3_600_000;

/** What admin.sock changes. */
export type AdminParts = {
  readonly outbox: Pick<Outbox, "stats" | "lastRow" | "read" | "drop">;
  /** Ends every wait for a later attempt, of the link and of records. */
  readonly retryNow: () => void;
  readonly clock: Clock;
  readonly log: Log;
};

const waitMs = z.int().min(0).max(MAX_WAIT_MS);
const flushRequest = z.object({ waitMs: waitMs.default(0) });
const dropRequest = z.object({ stream: z.enum(STREAMS), waitMs: waitMs.default(MAX_WAIT_MS) });

/** The verbs that change something: `buffer.flush`, `buffer.drop`. Each is logged before it acts. */
export function createAdmin(parts: AdminParts): Readonly<Record<string, ViewHandler>> {
  const { log } = parts;
  return {
    "buffer.flush": async (request, signal) => {
      const { waitMs } = flushRequest.parse(request);
      log.info("admin.flush-requested", { waitMs });
      return { schemaVersion: 1, waiting: await flush(parts, waitMs, signal) };
    },
    "buffer.drop": async (request, signal) => {
      const { stream, waitMs } = dropRequest.parse(request);
      log.warn("admin.drop-requested", { stream });
      return { schemaVersion: 1, stream, ...(await drop(parts, stream, waitMs, signal)) };
    },
  };
}

/**
 * Gives up what `stream` holds now, a few records a turn, so that nothing else waits for it. What is on its way is left to arrive. Ends
 * after `waitMs`, or when nobody waits for the answer any more: `isWhole` says whether all of it is gone by then.
 */
async function drop(
  { outbox, clock, log }: AdminParts,
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
async function flush({ outbox, retryNow, clock }: AdminParts, waitMs: number, signal: AbortSignal): Promise<number> {
  const throughRow = outbox.lastRow();
  const { epoch } = outbox.stats();
  const endMs = clock.monotonicMs() + waitMs;
  retryNow();
  // In another epoch, as when memory stands in for the disk, rows of this one are out of sight, not delivered.
  const isDelivered = (): boolean =>
    outbox.stats().epoch === epoch && STREAMS.every((stream) => outbox.read(stream, 0, throughRow, 1, 1).length === 0);
  while (!isDelivered() && !signal.aborted && clock.monotonicMs() < endMs) await clock.sleep(FLUSH_POLL_MS, signal);
  return isDelivered() ? 0 : Math.max(1, outbox.stats().records);
}
