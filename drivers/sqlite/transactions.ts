import { writeFileSync } from "node:fs";
import type Database from "better-sqlite3";
import { AgentError } from "../../agent/core/errors.ts";
import type { Ballast } from "./ballast.ts";
import { pragmaNumber } from "./database.ts";
import { faultOf, isDamaged, isFull } from "./faults.ts";

/** Bytes to free inside the transaction in each attempt when the disk is full; where the last does not help, more would not. */
const SPARE_BYTES = [0, 65_536, 1_048_576, 8_388_608] as const;
/** Most pages given back to the file system in one step, to bound the pause. */
const VACUUM_PAGES = 256;
/** Free pages are kept for reuse up to this share of the file: giving each back would move as many pages as are written. */
const FREE_SHARE = 0.25;
const FREE_PAGES_MIN = 1024;

/** What `Transactions` work with. */
export type TransactionParts = {
  readonly database: Database.Database;
  readonly file: string;
  /** Made when the disk gives back what cannot be; the next open then checks the whole file. */
  readonly suspicionFile: string;
  readonly ballast: Ballast;
};

/** Durable transactions on one database, with what a full disk and a damaged file need. Throws what `faultOf` gives. */
export class Transactions {
  readonly #parts: TransactionParts;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #rollback: Database.Statement<[]>;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.#begin = parts.database.prepare("BEGIN IMMEDIATE");
    this.#commit = parts.database.prepare("COMMIT");
    this.#rollback = parts.database.prepare("ROLLBACK");
  }

  /** Runs `work`, which only reads. */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw this.#fault(thrown);
    }
  }

  /**
   * Runs `work` in one transaction that is on the disk when this returns. When `work` or the disk throws, everything in it is
   * undone and `undo` is called. When the disk is full `work` runs again, with the bytes it should free first.
   */
  write<T>(work: (spareBytes: number) => T, undo: () => void): T {
    let full: unknown;
    for (const spareBytes of SPARE_BYTES) {
      try {
        return this.#once(work, spareBytes);
      } catch (thrown) {
        undo();
        if (!isFull(thrown)) throw this.#fault(thrown);
        full = thrown;
        this.#relieve();
      }
    }
    throw this.#fault(full);
  }

  /** After deletions: gives free pages back in a bounded step, and sets the reserve by again when there is room for it. */
  tidy(): void {
    const { database, ballast } = this.#parts;
    const freePages = pragmaNumber(database, "freelist_count");
    const keptPages = Math.max(FREE_PAGES_MIN, Math.floor(pragmaNumber(database, "page_count") * FREE_SHARE));
    const isExcess = freePages > keptPages;
    if (!isExcess && ballast.isHeld) return;
    try {
      if (isExcess) database.pragma(`incremental_vacuum(${Math.min(VACUUM_PAGES, freePages - keptPages)})`);
    } catch (thrown) {
      if (!isFull(thrown)) throw this.#fault(thrown);
      this.#relieve();
    }
    ballast.hold();
  }

  #once<T>(work: (spareBytes: number) => T, spareBytes: number): T {
    const { database } = this.#parts;
    if (database.inTransaction) {
      throw new AgentError("internal.bug", {
        what: "the outbox was called from inside its own call",
        remedy: "report it",
      });
    }
    this.#begin.run();
    try {
      const result = work(spareBytes);
      this.#commit.run();
      return result;
    } catch (thrown) {
      // SQLite itself undoes the transaction for some errors (sqlite.org/lang_transaction.html, "Response To Errors").
      if (database.inTransaction) this.#rollback.run();
      throw thrown;
    }
  }

  /** Gives the reserve up and copies the log into the file, so that the log starts again in the space it has. */
  #relieve(): void {
    const { database, ballast } = this.#parts;
    ballast.release();
    try {
      database.pragma("wal_checkpoint(PASSIVE)");
    } catch (thrown) {
      // Without room for this either, the next attempt fails as the last did and reports it.
      if (!isFull(thrown)) throw this.#fault(thrown);
    }
  }

  #fault(thrown: unknown): unknown {
    const { file, suspicionFile } = this.#parts;
    if (isDamaged(thrown)) {
      try {
        writeFileSync(suspicionFile, "");
      } catch {
        // The fault below says more than a marker that cannot be written.
      }
    }
    return faultOf(thrown, file);
  }
}
