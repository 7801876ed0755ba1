import { statSync, utimesSync, writeFileSync } from "node:fs";
import type Database from "better-sqlite3";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { DiskState } from "../../../agent/ports/outbox.ts";
import { FULL_DISK_EVICTIONS_BYTES } from "../../../agent/ports/outbox-faults.ts";
import { pragmaNumber } from "../database.ts";
import { damageOf, faultOf, isDamaged, isFull } from "../faults.ts";
import type { OutboxReserve } from "./outbox-reserve.ts";

/**
 * When the file is made small again: what is in use is written anew, which this bounds, and must be this small a part of the file. SQLite can give
 * back single pages, but only at the end of the file, where the newest records are while a backlog drains from the oldest on: it moves each
 * page in use there, three bytes for each byte of payload that goes, and looks for each free one in the whole list of them, 80 ms an
 * acknowledgement where a GB is free.
 */
const REWRITE = { maxBytes: 8_388_608, share: 1 / 9, minFreeBytes: 2_097_152 } as const;
/**
 * Where that does not fit the file is made smaller by single pages, by what is held of the reserve: so many bytes in one step, fewer where the list
 * of free ones is long, beyond a share of the file that is kept for reuse. With the whole reserve that is only the rest of a large backlog: 0.3 to 2 ms a step.
 */
const SINGLE = {
  bytes: { whole: 32_768, part: 524_288, none: 524_288 },
  listPages: 12_288,
  keptShare: { whole: 8 / 9, part: 0.25, none: 0 },
} as const;
/** Numbers of free pages in a page of their list are of four bytes (sqlite.org/fileformat2.html, 1.5). */
const NUMBER_BYTES = 4;

/** The database of an outbox with its file on the disk, or in memory. */
export type OutboxStorage = {
  readonly database: Database.Database;
  /** Its path; in memory a name for people. */
  readonly file: string;
  /** Made when the disk gives back what cannot be; the next open then checks the whole file. Undefined where there is no file. */
  readonly suspicionFile: string | undefined;
  readonly reserve: Pick<OutboxReserve, "level" | "hold" | "release" | "diskHasRoom" | "growthBytes"> & {
    disk(): DiskState | undefined;
  };
  /** The file never grows past this. */
  readonly maxFileBytes: number;
};

/**
 * Durable transactions on one database, with what a full disk and a damaged file need. Throws what `faultOf` gives.
 *
 * A full disk needs care: the write-ahead log must be copied into the file before its space is used again, and a file that cannot
 * grow stops that copy, and with it every later write, deletions included. So without the whole reserve the log is copied after every
 * write, and the file grows only by what is free twice over; without any of it the file does not grow at all, and records go into the
 * pages that evicted ones leave.
 */
export class Transactions {
  readonly #storage: OutboxStorage;
  readonly #log: Log;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #rollback: Database.Statement<[]>;
  readonly #pageBytes: number;
  readonly #maxPages: number;
  readonly #minFreePages: number;
  #isWhole = true;
  /** The least that was held since it was whole last, as the log was told. */
  #loggedLevel: OutboxReserve["level"] = "whole";
  #markedMs = 0;

  constructor(storage: OutboxStorage, log: Log) {
    const { database, maxFileBytes } = storage;
    this.#storage = storage;
    this.#log = log;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
    this.#pageBytes = pragmaNumber(database, "page_size");
    this.#maxPages = Math.floor(maxFileBytes / this.#pageBytes);
    this.#minFreePages = REWRITE.minFreeBytes / this.#pageBytes;
    storage.reserve.hold();
    this.#adapt();
    if (!this.#isWhole) this.#copyLog();
    this.#markFile();
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
    if (this.#storage.database.inTransaction) {
      throw new AgentError("internal.bug", {
        what: "the outbox was called from inside its own call",
        remedy: "report it",
      });
    }
    if (!this.#isWhole) this.#regain();
    let full: unknown;
    for (let at = 0; at < FULL_DISK_EVICTIONS_BYTES.length; ) {
      const spareBytes = FULL_DISK_EVICTIONS_BYTES[at];
      try {
        const result = this.#once(work, spareBytes);
        if (!this.#isWhole) this.#copyLog();
        this.#leaveCopiedLog();
        return result;
      } catch (thrown) {
        undo();
        if (!isFull(thrown)) throw this.#fault(thrown);
        full = thrown;
        // What the reserve gives up may be room enough. With room on the disk it was the bound on the file, and evicting helps.
        const isRelieved = this.#isWhole && !this.#storage.reserve.diskHasRoom();
        if (isRelieved || spareBytes > 0) this.#relieve();
        if (!isRelieved) at += 1;
      }
    }
    throw this.#fault(full);
  }

  /** After deletions: gives free pages back to the file system, in a bounded step. Never throws. */
  tidy(): void {
    try {
      if (!this.#rewriteSmall()) this.#giveBackPages();
    } catch (thrown) {
      // The deletions stand; what is wrong with the disk shows in the next write.
      if (isFull(thrown)) this.#relieve();
      else this.#fault(thrown);
    }
  }

  /** Gives whether it was. */
  #rewriteSmall(): boolean {
    const { database, reserve } = this.#storage;
    const freePages = pragmaNumber(database, "freelist_count");
    if (freePages < this.#minFreePages) return false;
    const allPages = pragmaNumber(database, "page_count");
    const usedPages = allPages - freePages;
    const usedBytes = usedPages * this.#pageBytes;
    if (usedPages > allPages * REWRITE.share || usedBytes > REWRITE.maxBytes) return false;
    if (!this.#isWhole && usedBytes > reserve.growthBytes()) return false;
    database.exec("VACUUM");
    this.#leaveCopiedLog();
    return true;
  }

  #giveBackPages(): void {
    const { database, reserve } = this.#storage;
    const { level } = reserve;
    const freePages = pragmaNumber(database, "freelist_count");
    const keptShare = Math.floor(pragmaNumber(database, "page_count") * SINGLE.keptShare[level]);
    const keptPages = Math.max(level === "whole" ? this.#minFreePages : 0, keptShare);
    if (freePages <= keptPages) return;
    const listPages = Math.ceil((freePages * NUMBER_BYTES) / this.#pageBytes);
    const most = Math.max(1, Math.min(SINGLE.bytes[level] / this.#pageBytes, Math.floor(SINGLE.listPages / listPages)));
    database.pragma(`incremental_vacuum(${Math.min(most, freePages - keptPages)})`);
    this.#leaveCopiedLog();
  }

  #once<T>(work: (spareBytes: number) => T, spareBytes: number): T {
    const { database } = this.#storage;
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

  #relieve(): void {
    this.#storage.reserve.release();
    this.#copyLog();
    this.#adapt();
  }

  #regain(): void {
    this.#storage.reserve.hold();
    this.#adapt();
  }

  /** Bounds the file by what is held of the reserve, and says when that has changed. */
  #adapt(): void {
    const { database, reserve } = this.#storage;
    this.#isWhole = reserve.level === "whole";
    // SQLite takes the present size for a bound below it (sqlite.org/pragma.html#pragma_max_page_count).
    database.pragma(`max_page_count = ${this.#isWhole ? this.#maxPages : Math.min(this.#maxPages, this.#pagesNow())}`);
    this.#logLevel(reserve.level);
  }

  #pagesNow(): number {
    const { database, reserve } = this.#storage;
    return pragmaNumber(database, "page_count") + Math.floor(reserve.growthBytes() / this.#pageBytes);
  }

  /** Once for each further step down, until the reserve is whole again: the level goes to and fro on a disk that is nearly full. */
  #logLevel(level: OutboxReserve["level"]): void {
    if (level === this.#loggedLevel || (this.#loggedLevel === "none" && level === "part")) return;
    this.#loggedLevel = level;
    const { file } = this.#storage;
    if (level === "whole") this.#log.info("outbox.disk-freed", { file });
    else if (level === "part") this.#log.warn("outbox.disk-low", { file });
    else this.#log.warn("outbox.disk-filled", { file });
  }

  /** Copies the log into the file, so that the log starts again in the space it has. */
  #copyLog(): void {
    try {
      this.#storage.database.pragma("wal_checkpoint(PASSIVE)");
    } catch (thrown) {
      // The write before it stands; where the copy keeps failing, the next write fails and reports it.
      if (!isFull(thrown)) this.#fault(thrown);
    }
  }

  /**
   * Begins the log anew once SQLite has copied it into the file. Until then frames that are in the file stand in the log too, and
   * where one of them is damaged, SQLite reads those before it over the newer pages of the file: a mixture of two states.
   */
  #leaveCopiedLog(): void {
    if (this.#fileChangedMs() === this.#markedMs) return;
    try {
      const { database } = this.#storage;
      // The smallest change that SQLite cannot leave out: the next frame is the first of a new log.
      database.pragma(`application_id = ${pragmaNumber(database, "application_id") === 0 ? 1 : 0}`);
    } catch (thrown) {
      // The write before it stands; what is wrong with the disk shows in the next one.
      if (!isFull(thrown)) this.#fault(thrown);
    }
    this.#markFile();
  }

  /** Gives the file a time of change of whole seconds, which the next copy of the log replaces: the system's own times are too coarse. */
  #markFile(): void {
    const seconds = Math.floor(this.#fileChangedMs() / 1000) - 1;
    try {
      if (seconds > 0) utimesSync(this.#storage.file, seconds, seconds);
    } catch {
      // A disk that takes no writes copies no log either.
    }
    this.#markedMs = this.#fileChangedMs();
  }

  /** When the file itself was written last, which only a copy of the log does; 0 where there is no file. */
  #fileChangedMs(): number {
    return statSync(this.#storage.file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** The fault that `thrown` stands for; remembers a damaged file until the next open. */
  #fault(fault: unknown): unknown {
    const { file, suspicionFile } = this.#storage;
    const thrown = damageOf(fault);
    if (isDamaged(thrown) && suspicionFile !== undefined) {
      try {
        writeFileSync(suspicionFile, "");
      } catch {
        // The fault below says more than a marker that cannot be written.
      }
    }
    return faultOf(thrown, file, "outbox");
  }
}
