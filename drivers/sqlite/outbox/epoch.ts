import { randomBytes } from "node:crypto";
import type Database from "better-sqlite3";

const EPOCH_BITS = 48;

/** The epoch of a database, drawn and written where it has none. `random` as in `drawEpoch`. */
export function epochOf(database: Database.Database, random?: () => number): number {
  const read = database.prepare<[], number>("SELECT epoch FROM outbox").pluck();
  return read.get() ?? beginEpoch(database, drawEpoch(random));
}

/** Gives a new database its epoch. */
export function beginEpoch(database: Database.Database, epoch: number): number {
  database.prepare<[number]>("INSERT INTO outbox (id, epoch) VALUES (1, ?)").run(epoch);
  return epoch;
}

/** Draws an epoch, from 1 to 2^48 - 1; `random` gives 0 <= x < 1, the system's random numbers when absent. */
export function drawEpoch(random?: () => number): number {
  const drawn = random === undefined ? randomBytes(6).readUIntBE(0, 6) : Math.floor(random() * 2 ** EPOCH_BITS);
  return Math.max(1, drawn);
}
