import Database from "better-sqlite3";
import type { Json } from "../../../agent/core/canonical-json.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type {
  CommandEntry,
  Journal,
  JournalDocument,
  JournalStats,
  JournalStatus,
} from "../../../agent/ports/journal.ts";
import type { JournalSpace } from "../../../agent/ports/journal-spaces.ts";
import { faultOf, isFull } from "../faults.ts";
import type { DiskReserve } from "../outbox/disk-reserve.ts";
import {
  type CommandColumns,
  type CommandRow,
  commandCrc,
  commandOf,
  type DocumentRow,
  digestColumn,
  documentCrc,
  stateCode,
  valueOf,
} from "./journal-rows.ts";

/** How much the ledger holds. */
export type LedgerBounds = {
  readonly maxCommands: number;
  /** Reads that are remembered, besides. */
  readonly maxReads: number;
  /** Refused commands among them that are remembered. */
  readonly maxRefused: number;
  /** Running time for which a told command is remembered at least. */
  readonly keepMs: number;
};

export type SqliteJournalParts = LedgerBounds & {
  readonly database: Database.Database;
  readonly file: string;
  readonly diskReserve: DiskReserve;
  readonly clock: Clock;
};

type MetaRow = {
  readonly ran_ms: number;
  readonly lost: string | null;
  readonly lost_at_us: number | null;
  readonly forgotten: number;
};

/** The Journal port on one SQLite file that only this process uses. */
export class SqliteJournal implements Journal {
  readonly #parts: SqliteJournalParts;
  readonly #statements: ReturnType<typeof journalStatements>;
  /** Running time at open, less the monotonic time then. */
  readonly #ranBaseMs: number;
  #settling: NodeJS.Immediate | undefined;
  /** Reads among the commands; undefined until they are counted, for which no index is. */
  #reads: number | undefined;

  constructor(parts: SqliteJournalParts) {
    this.#parts = parts;
    this.#statements = journalStatements(parts.database);
    this.#ranBaseMs = this.#meta().ran_ms - parts.clock.monotonicMs();
  }

  status(): JournalStatus {
    const { lost, lost_at_us: sinceUs } = this.#meta();
    return lost === null ? { kind: "sound" } : { kind: "lost", what: lost, sinceUs: sinceUs ?? 0 };
  }

  declareLost(what: string): void {
    this.atomically(() => this.#statements.declareLost.run(what, this.#parts.clock.wallUs()));
  }

  acknowledgeLoss(): void {
    this.atomically(() => this.#statements.acknowledge.run());
  }

  atomically<T>(work: () => T): T {
    const { database, file, diskReserve } = this.#parts;
    if (database.inTransaction) return work();
    diskReserve.hold();
    const run = database.transaction(work);
    try {
      return this.#committed(run.immediate());
    } catch (thrown) {
      // What is undone was counted all the same.
      this.#reads = undefined;
      if (!isFull(thrown) || !diskReserve.isHeld) throw faultOf(thrown, file, "journal");
    }
    // The disk is full: this is what the reserve is for.
    diskReserve.release();
    try {
      return this.#committed(run.immediate());
    } catch (thrown) {
      this.#reads = undefined;
      throw faultOf(thrown, file, "journal");
    }
  }

  get(space: JournalSpace, key: string): Json | undefined {
    return this.#read(() => {
      const row = this.#statements.document.get(space, key);
      return row === undefined ? undefined : valueOf(row, this.#parts.file);
    });
  }

  list(space: JournalSpace): readonly JournalDocument[] {
    return this.#read(() =>
      this.#statements.documents
        .all(space)
        .map((row) => ({ space, key: row.key, value: valueOf(row, this.#parts.file) })),
    );
  }

  put(documents: readonly JournalDocument[]): void {
    this.atomically(() => {
      for (const { space, key, value } of documents) {
        if (value === undefined) {
          this.#statements.remove.run(space, key);
          continue;
        }
        const text = JSON.stringify(value);
        this.#statements.put.run(space, key, text, documentCrc(space, key, text));
      }
    });
  }

  command(id: string): CommandEntry | undefined {
    return this.#read(() => {
      const row = this.#statements.command.get(id);
      return row === undefined ? undefined : commandOf(row, this.#parts.file);
    });
  }

  addCommand(entry: CommandEntry): "added" | "known" | "full" {
    return this.atomically(() => {
      if (this.#statements.command.get(entry.id) !== undefined) return "known";
      const ranMs = this.#ranMs();
      this.#statements.ran.run(ranMs);
      if (this.#statements.forgetReported.run(ranMs - this.#parts.keepMs).changes > 0) this.#reads = undefined;
      // Refused ones and reads have room of their own, so that no flood of them keeps a good command out.
      if (!this.#hasRoom(entry)) return "full";
      const { id, state, isReported, body } = entry;
      this.#insert({
        id,
        digest: digestColumn(entry),
        state: stateCode(state),
        told: isReported ? 1 : 0,
        ran_ms: ranMs,
        body: JSON.stringify(body),
      });
      return "added";
    });
  }

  changeCommand(id: string, change: Partial<Pick<CommandEntry, "state" | "isReported" | "body">>): void {
    this.atomically(() => {
      const row = this.#statements.command.get(id);
      if (row === undefined) {
        throw new AgentError("internal.bug", { what: `command ${id} is not in the ledger`, remedy: "report it" });
      }
      const entry = { ...commandOf(row, this.#parts.file), ...change };
      const told = entry.isReported ? 1 : 0;
      const columns = { ...row, state: stateCode(entry.state), told, body: JSON.stringify(entry.body) };
      this.#statements.change.run(columns.state, columns.told, columns.body, commandCrc(columns), id);
    });
  }

  listCommands(limit: number): readonly CommandEntry[] {
    return this.#read(() => this.#statements.newest.all(limit).map((row) => commandOf(row, this.#parts.file)));
  }

  unreportedCommands(limit: number): readonly CommandEntry[] {
    return this.#read(() => this.#statements.unreported.all(limit).map((row) => commandOf(row, this.#parts.file)));
  }

  stats(): JournalStats {
    return this.#read(() => ({
      commands: this.#count(),
      maxCommands: this.#parts.maxCommands,
      reads: this.#countReads(),
      refused: this.#countRefused(),
      forgottenRejections: this.#meta().forgotten,
    }));
  }

  close(): void {
    clearImmediate(this.#settling);
    this.#parts.database.close();
  }

  /** What was committed is durable in the log, and is copied once the caller has gone on: a command acts meanwhile. */
  #committed<T>(result: T): T {
    this.#settling ??= setImmediate(() => this.#settle());
    return result;
  }

  /**
   * Moves what was committed out of the log. SQLite takes a log whose checksum fails for one that ends there (fileformat2.html,
   * "WAL Reset"), so a bit that flips in it would undo a commit in silence; in the file it is noticed.
   */
  #settle(): void {
    this.#settling = undefined;
    try {
      this.#parts.database.pragma("wal_checkpoint(TRUNCATE)");
    } catch (thrown) {
      // The commit stands; what is wrong with the disk shows in the next one.
      if (!(thrown instanceof Database.SqliteError)) throw thrown;
    }
  }

  #ranMs(): number {
    return Math.max(0, Math.round(this.#ranBaseMs + this.#parts.clock.monotonicMs()));
  }

  #count(): number {
    return this.#statements.count.get() ?? 0;
  }

  #countRefused(): number {
    return this.#statements.countRefused.get() ?? 0;
  }

  #countReads(): number {
    this.#reads ??= this.#statements.countReads.get() ?? 0;
    return this.#reads;
  }

  #hasRoom({ state, isRead }: CommandEntry): boolean {
    const { maxCommands, maxReads } = this.#parts;
    if (state === "rejected") {
      this.#forgetRefused();
      return true;
    }
    const reads = this.#countReads();
    if (!isRead) return this.#count() - this.#countRefused() - reads < maxCommands;
    const surplus = Math.max(0, reads - maxReads + 1);
    const forgotten = surplus === 0 ? 0 : this.#statements.forgetReads.run(surplus).changes;
    this.#reads = reads - forgotten + (forgotten < surplus ? 0 : 1);
    return forgotten >= surplus;
  }

  #forgetRefused(): void {
    const surplus = this.#countRefused() - this.#parts.maxRefused + 1;
    if (surplus <= 0) return;
    this.#statements.forgetRefused.run(surplus);
    this.#statements.countForgotten.run(surplus);
  }

  #insert(columns: CommandColumns): void {
    const { id, digest, state, told, ran_ms, body } = columns;
    this.#statements.insert.run(id, digest, state, told, ran_ms, body, commandCrc(columns));
  }

  #meta(): MetaRow {
    const row = this.#statements.meta.get();
    if (row !== undefined) return row;
    throw new AgentError("journal.unavailable", {
      what: `${this.#parts.file} lacks its first row`,
      remedy: "restart the agent: it sets the file aside and refuses what needs it until someone has looked",
    });
  }

  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw faultOf(thrown, this.#parts.file, "journal");
    }
  }
}

/** The statements of a journal. Throws SqliteError for a database whose tables are not what they must be. */
export function journalStatements(database: Database.Database) {
  const refused = stateCode("rejected");
  return {
    meta: database.prepare<[], MetaRow>("SELECT ran_ms, lost, lost_at_us, forgotten FROM journal"),
    declareLost: database.prepare<[what: string, atUs: number]>("UPDATE journal SET lost = ?, lost_at_us = ?"),
    acknowledge: database.prepare<[]>("UPDATE journal SET lost = NULL, lost_at_us = NULL"),
    ran: database.prepare<[ranMs: number]>("UPDATE journal SET ran_ms = ?"),
    countForgotten: database.prepare<[count: number]>("UPDATE journal SET forgotten = forgotten + ?"),
    document: database.prepare<[space: string, key: string], DocumentRow>(
      "SELECT * FROM documents WHERE space = ? AND key = ?",
    ),
    documents: database.prepare<[space: string], DocumentRow>("SELECT * FROM documents WHERE space = ? ORDER BY key"),
    put: database.prepare<[space: string, key: string, value: string, crc: number]>(
      "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
    ),
    remove: database.prepare<[space: string, key: string]>("DELETE FROM documents WHERE space = ? AND key = ?"),
    command: database.prepare<[id: string], CommandRow>("SELECT * FROM commands WHERE id = ?"),
    newest: database.prepare<[limit: number], CommandRow>("SELECT * FROM commands ORDER BY seq DESC LIMIT ?"),
    unreported: database.prepare<[limit: number], CommandRow>(
      "SELECT * FROM commands WHERE told = 0 ORDER BY seq LIMIT ?",
    ),
    count: database.prepare<[], number>("SELECT count(*) FROM commands").pluck(),
    countRefused: database.prepare<[], number>(`SELECT count(*) FROM commands WHERE state = ${refused}`).pluck(),
    countReads: database.prepare<[], number>("SELECT count(*) FROM commands WHERE digest GLOB 'read:*'").pluck(),
    forgetReads: database.prepare<[count: number]>(
      `DELETE FROM commands WHERE seq IN
        (SELECT seq FROM commands WHERE digest GLOB 'read:*' AND told = 1 ORDER BY seq LIMIT ?)`,
    ),
    forgetReported: database.prepare<[throughRanMs: number]>("DELETE FROM commands WHERE told = 1 AND ran_ms <= ?"),
    forgetRefused: database.prepare<[count: number]>(
      `DELETE FROM commands WHERE seq IN (SELECT seq FROM commands WHERE state = ${refused} ORDER BY seq LIMIT ?)`,
    ),
    insert: database.prepare<
      [id: string, digest: string, state: number, told: number, ranMs: number, body: string, crc: number]
    >("INSERT INTO commands (id, digest, state, told, ran_ms, body, crc) VALUES (?, ?, ?, ?, ?, ?, ?)"),
    change: database.prepare<[state: number, told: number, body: string, crc: number, id: string]>(
      "UPDATE commands SET state = ?, told = ?, body = ?, crc = ? WHERE id = ?",
    ),
  };
}
