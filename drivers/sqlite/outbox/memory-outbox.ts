import Database from "better-sqlite3";
import type { Clock } from "../../../agent/core/clock.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { ThinRecords } from "../../../agent/ports/outbox.ts";
import { beginEpoch, drawEpoch } from "./epoch.ts";
import { OUTBOX_MIGRATIONS } from "./schema.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import { noteStandbyLosses, StandbyWatermarks } from "./standby-watermarks.ts";

const NAME = "the outbox in memory";
/** Memory has no reserve to give up, and is never full before its byte bound. */
const NO_RESERVE = {
  level: "whole",
  hold: () => undefined,
  diskHasRoom: () => true,
  release: () => undefined,
  growthBytes: () => 0,
  disk: () => undefined,
} as const;

/** An outbox in memory, and its database for the one that takes its records over. */
export type MemoryOutbox = { readonly outbox: SqliteOutbox; readonly database: Database.Database };

/** How an outbox in memory is made. */
export type MemoryOutboxSettings = {
  /** Bound of the payload bytes. */
  readonly maxBytes: number;
  readonly bootId: string | undefined;
  readonly thin: ThinRecords | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly standbyFiles: readonly string[];
};

/**
 * Makes an outbox with an epoch of its own, of which nothing survives the process but, in `standbyFiles`, what it owed. It begins with
 * the losses that those files tell of an earlier process.
 */
export function openMemoryOutbox({
  maxBytes,
  bootId,
  thin,
  clock,
  log,
  standbyFiles,
}: MemoryOutboxSettings): MemoryOutbox {
  const database = new Database(":memory:");
  database.pragma("foreign_keys = ON");
  for (const sql of OUTBOX_MIGRATIONS) database.exec(sql);
  const epoch = beginEpoch(database, drawEpoch());
  const standbyLosses = noteStandbyLosses(database, standbyFiles, log);
  // The byte bound on the payloads is what counts.
  const maxFileBytes = Number.MAX_SAFE_INTEGER;
  const outbox = new SqliteOutbox({
    storage: { database, file: NAME, suspicionFile: undefined, reserve: NO_RESERVE, maxFileBytes },
    epoch,
    maxBytes,
    bootId,
    payloads: { thin },
    clock,
    log,
    watermark: (promises) => new StandbyWatermarks(standbyFiles, { clock, log }, promises),
  });
  outbox.countLosses(standbyLosses);
  return { outbox, database };
}
