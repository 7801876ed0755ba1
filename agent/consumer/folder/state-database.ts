import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { AgentError } from "../../core/errors.ts";
import { storeFault } from "./faults.ts";
import { STATE_FILE } from "./file-names.ts";

/** How long a worker waits for the transaction of another one, ms. */
const BUSY_MS = 5000;
const VERSION = 3;

/**
 * `accounts`: seqs by thing, epoch and stream (`AccountState`, JSON). `clocks`: the best anchor of each boot, boottime in `monotonic_us`; `written` is the lowest
 * rank of a time of it in a file. `parts`: of signal tables. `staged`: records that no file holds; `roll` is that of one whose file is
 * decided, `topic` that of one in the form of another cloud. `backlog`: how much of a thing is staged, and when it is due. `files`: complete length of files that are appended to.
 */
const SCHEMA = `
  CREATE TABLE accounts (thing TEXT, epoch INTEGER, stream TEXT, state TEXT NOT NULL, PRIMARY KEY (thing, epoch, stream)) WITHOUT ROWID;
  CREATE TABLE clocks (thing TEXT, boot_id TEXT, monotonic_us INTEGER NOT NULL, wall_us INTEGER NOT NULL, quality TEXT NOT NULL,
    rank INTEGER NOT NULL, written INTEGER, PRIMARY KEY (thing, boot_id)) WITHOUT ROWID;
  CREATE INDEX clocks_behind ON clocks (thing, boot_id) WHERE written < rank;
  CREATE TABLE parts (thing TEXT, id TEXT, digest TEXT, body BLOB NOT NULL, PRIMARY KEY (thing, id, digest)) WITHOUT ROWID;
  CREATE TABLE staged (row INTEGER PRIMARY KEY AUTOINCREMENT, thing TEXT NOT NULL, epoch INTEGER NOT NULL, stream TEXT NOT NULL,
    seq INTEGER NOT NULL, boot_id TEXT NOT NULL, monotonic_us INTEGER NOT NULL, wall_us INTEGER NOT NULL, quality TEXT NOT NULL,
    table_id TEXT, samples INTEGER NOT NULL, received_us INTEGER NOT NULL, not_before_us INTEGER NOT NULL, roll INTEGER,
    payload BLOB NOT NULL, topic TEXT);
  CREATE INDEX staged_by_thing ON staged (thing, row);
  CREATE INDEX staged_by_roll ON staged (roll) WHERE roll IS NOT NULL;
  CREATE TABLE backlog (thing TEXT PRIMARY KEY, records INTEGER NOT NULL, samples INTEGER NOT NULL, bytes INTEGER NOT NULL,
    oldest_us INTEGER NOT NULL, due_us INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE files (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, rows INTEGER NOT NULL, groups BLOB) WITHOUT ROWID;
  CREATE TABLE rolls (id INTEGER PRIMARY KEY AUTOINCREMENT, decided INTEGER NOT NULL);
  CREATE TABLE roll_files (roll INTEGER NOT NULL, path TEXT NOT NULL, partial TEXT, bytes_before INTEGER NOT NULL,
    PRIMARY KEY (roll, path)) WITHOUT ROWID;
  CREATE TABLE store (made_us INTEGER NOT NULL);
`;

/**
 * Opens or makes state.db in a folder that several processes of one machine use: write-ahead log, an fsync at every commit.
 * `madeUs` is the time that a new one is named by. Throws `store.unavailable`.
 */
export function openState(folder: string, madeUs: number): Database.Database {
  let database: Database.Database | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    database = new Database(join(folder, STATE_FILE), { timeout: BUSY_MS });
    setUp(database, madeUs);
    return database;
  } catch (thrown) {
    database?.close();
    throw storeFault(thrown, folder);
  }
}

function setUp(database: Database.Database, madeUs: number): void {
  const journal = database.pragma("journal_mode = WAL", { simple: true });
  database.pragma("synchronous = FULL");
  database.pragma("trusted_schema = OFF");
  if (journal !== "wal") throw unfit(`${database.name}: no write-ahead log: journal_mode ${String(journal)}`);
  database
    .transaction(() => {
      const version = Number(database.pragma("user_version", { simple: true }));
      if (version > VERSION) throw unfit(`${database.name} has version ${version}; this worker knows up to ${VERSION}`);
      if (version === VERSION) return;
      if (version > 0) {
        if (version === 1) database.exec("ALTER TABLE staged ADD COLUMN topic TEXT");
        // Files with the columns of before are not gone on with.
        database.exec("DELETE FROM files");
      } else {
        database.exec(SCHEMA);
        database.prepare("INSERT INTO store (made_us) VALUES (?)").run(madeUs);
      }
      database.pragma(`user_version = ${VERSION}`);
    })
    .immediate();
}

function unfit(what: string): AgentError {
  return new AgentError("store.unavailable", {
    what,
    remedy: "Give a folder on a local file system, of this version of the worker.",
  });
}
