import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";
import { faultOf, isDamaged, isFull, isHeld, type StoreName, sqliteCodeOf } from "./faults.ts";
import { headerProblem } from "./header.ts";

/** PRAGMA synchronous as it reads back: 2 is FULL, an fsync of the log at every commit (sqlite.org/pragma.html#pragma_synchronous). */
const SYNCHRONOUS_FULL = 2;
const AUTO_VACUUM_INCREMENTAL = 2;

/** How much of a file is checked when it is opened. */
export type OpenCheck =
  /** All of it, and every index against its table, which takes longer. */
  | { readonly kind: "all" }
  /** A file of more than `maxBytes` in its small tables only, to bound the time to start. */
  | { readonly kind: "bounded"; readonly maxBytes: number; readonly smallTables: readonly string[] };

/** How a database is opened. */
export type DatabaseSettings = {
  readonly file: string;
  /** Whose faults are thrown. */
  readonly store: StoreName;
  /** SQL that brings the file from version i to i + 1. */
  readonly migrations: readonly string[];
  /** Of a file that is made; one of an older version keeps its own. */
  readonly pageBytes: number;
  /** The log is copied back into the file when it is this long, and cut back to it. */
  readonly logBytes: number;
  readonly check: OpenCheck;
  /** Version that the file is known to have had; undefined where that is not known. */
  readonly knownVersion?: number | undefined;
};

/** An open database, or why the file cannot be one. */
export type Opened =
  | {
      readonly kind: "open";
      readonly database: Database.Database;
      /** Version of the file before it was brought to ours; 0 when it was made. */
      readonly versionBefore: number;
    }
  | { readonly kind: "damaged"; readonly what: string };

/**
 * Opens or makes a database that only this process may use: write-ahead log, an fsync at every commit, incremental vacuum.
 *
 * Throws `agent.already-running` when another process holds it, `outbox.unavailable` or `journal.unavailable` when the folder, the
 * disk or the file's version does not allow it.
 */
export function openDatabase(settings: DatabaseSettings): Opened {
  const { file, store } = settings;
  makeFile(settings);
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0 });
    setUp(database, settings);
    const problem = contradictionIn(database, settings);
    if (problem === undefined) {
      const versionBefore = migrate(database, settings);
      checkSchema(database, settings);
      return { kind: "open", database, versionBefore };
    }
    database.close();
    return { kind: "damaged", what: problem };
  } catch (thrown) {
    database?.close();
    const problem = isDamaged(thrown) ? messageOf(thrown) : contentProblem(thrown, settings);
    if (problem !== undefined) return { kind: "damaged", what: problem };
    throw faultOf(thrown, file, store);
  }
}

/** What the file itself did to make SQLite refuse it; undefined where its disk or its holder did. */
function contentProblem(thrown: unknown, { file }: DatabaseSettings): string | undefined {
  // An error without a code of its own is about the schema or what SQL finds there (sqlite.org/rescode.html#error).
  if (sqliteCodeOf(thrown) === "SQLITE_ERROR") return messageOf(thrown);
  if (isHeld(thrown) || isFull(thrown) || !existsSync(file)) return undefined;
  return headerProblem(file);
}

/** A number that PRAGMA `name` reads back. */
export function pragmaNumber(database: Database.Database, name: string): number {
  const value = database.pragma(name, { simple: true });
  if (typeof value !== "number")
    throw new AgentError("internal.bug", { what: `PRAGMA ${name} gave no number`, remedy: "report it" });
  return value;
}

/** Makes the folder (0700) and an empty file (0600) where missing, and their names durable: SQLite syncs what it writes, not what holds its name. */
function makeFile({ file, store }: DatabaseSettings): void {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // An existing file must not be opened here: closing it would drop the locks that SQLite holds on it in this process (fcntl(2)).
    if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
    syncFolder(folder);
  } catch (thrown) {
    throw new AgentError(`${store}.unavailable`, {
      what: `${file} cannot be made: ${messageOf(thrown)}`,
      remedy: `make ${folder} writable for the agent's user`,
      cause: thrown,
    });
  }
}

function setUp(database: Database.Database, settings: DatabaseSettings): void {
  // Order matters: page size and auto_vacuum only count before the first page is written, and the lock must be exclusive before the
  // log is opened, or SQLite shares it through a file in memory (sqlite.org/wal.html#noshm).
  database.pragma("locking_mode = EXCLUSIVE");
  database.pragma(`page_size = ${settings.pageBytes}`);
  database.pragma("auto_vacuum = INCREMENTAL");
  const journal = database.pragma("journal_mode = WAL", { simple: true });
  database.pragma("synchronous = FULL");
  database.pragma("foreign_keys = ON");
  database.pragma("trusted_schema = OFF");
  database.pragma("cell_size_check = ON");
  database.pragma("temp_store = MEMORY");
  database.pragma("cache_size = -4000");
  const pageBytes = pragmaNumber(database, "page_size");
  database.pragma(`wal_autocheckpoint = ${Math.ceil(settings.logBytes / pageBytes)}`);
  database.pragma(`journal_size_limit = ${settings.logBytes}`);
  const synchronous = pragmaNumber(database, "synchronous");
  const autoVacuum = pragmaNumber(database, "auto_vacuum");
  if (journal !== "wal" || synchronous !== SYNCHRONOUS_FULL || autoVacuum !== AUTO_VACUUM_INCREMENTAL) {
    throw new AgentError(`${settings.store}.unavailable`, {
      what: `${settings.file} cannot be made durable: journal_mode ${String(journal)}, synchronous ${synchronous}, auto_vacuum ${autoVacuum}`,
      remedy: "move the file away, or put stateDir on a file system that supports shared locks and fsync",
    });
  }
}

/** The first contradiction that the check finds; undefined when there is none. */
function contradictionIn(database: Database.Database, settings: DatabaseSettings): string | undefined {
  for (const pragma of checkPragmas(database, settings)) {
    const found = database.pragma(pragma, { simple: true });
    if (found !== "ok") return String(found);
  }
  return undefined;
}

function checkPragmas(database: Database.Database, { file, check }: DatabaseSettings): readonly string[] {
  if (check.kind === "all") return ["integrity_check(1)"];
  if (statSync(file).size <= check.maxBytes) return ["quick_check(1)"];
  const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?");
  const tables = check.smallTables.filter((table) => exists.get(table) !== undefined);
  return tables.map((table) => `quick_check(${table})`);
}

/** Throws SQLITE_CORRUPT where the file's own description of its tables is not ours. */
function checkSchema(database: Database.Database, { migrations }: DatabaseSettings): void {
  const model = new Database(":memory:");
  try {
    for (const sql of migrations) model.exec(sql);
    if (schemaOf(database) === schemaOf(model)) return;
    throw new Database.SqliteError("its schema is not the one it was made with", "SQLITE_CORRUPT");
  } finally {
    model.close();
  }
}

function schemaOf(database: Database.Database): string {
  return JSON.stringify(database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").all());
}

/** Brings the file to our version, and returns the one it had. */
function migrate(database: Database.Database, { file, store, migrations, knownVersion }: DatabaseSettings): number {
  const version = pragmaNumber(database, "user_version");
  const isOurs = knownVersion !== undefined && knownVersion <= migrations.length;
  if (isOurs && version > 0 && (version < knownVersion || version > migrations.length)) {
    throw new Database.SqliteError(`version ${version}, where it had ${knownVersion}`, "SQLITE_CORRUPT");
  }
  if (version > migrations.length) {
    throw new AgentError(`${store}.unavailable`, {
      what: `${file} has version ${version}; this agent knows up to ${migrations.length}`,
      remedy: "install the agent that made it, or move the file away",
    });
  }
  database
    .transaction(() => {
      for (const sql of migrations.slice(version)) database.exec(sql);
      database.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
  return version;
}
