import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import { syncFolder } from "../../../agent/core/sync-folder.ts";
import type { Journal } from "../../../agent/ports/journal.ts";
import { type DatabaseSettings, openDatabase } from "../database.ts";
import { DiskReserve } from "../outbox/disk-reserve.ts";
import { quarantine } from "../quarantine.ts";
import { type CommandRow, checkCommand, checkDocument, type DocumentRow } from "./journal-rows.ts";
import { JOURNAL_MIGRATIONS } from "./journal-schema.ts";
import { journalStatements, type LedgerBounds, SqliteJournal } from "./sqlite-journal.ts";

const MEBIBYTE = 1_048_576;

/** How the journal is opened. */
export type JournalSettings = LedgerBounds & {
  /** Absolute; its folder is made (0700) where missing. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Disk space set by for the time when the disk is full. */
  readonly reserveBytes?: number;
};

/**
 * Opens or makes the journal database; only one process can. It fails closed: a file that is damaged anywhere is set aside as
 * `<file>.damaged-<n>` and nothing of it is believed; the new one then says "lost" until someone acknowledges it. So does one whose
 * file has gone, which `<file>.made` tells from one that never was.
 *
 * Throws `agent.already-running` when another process holds it, `journal.unavailable` when folder or disk does not allow it.
 */
export function openJournal(settings: JournalSettings): Journal {
  const { file, clock, log, reserveBytes = MEBIBYTE } = settings;
  const marker = `${file}.made`;
  // A file cut to nothing opens as a new database.
  const isGone = existsSync(marker) && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
  const { database, problem } = openOrReplace(settings);
  const lost = isGone ? `${file} was gone` : problem;
  if (lost !== undefined) {
    database.prepare<[string, number]>("UPDATE journal SET lost = ?, lost_at_us = ?").run(lost, clock.wallUs());
    log.error("journal.lost", { file, problem: lost });
  }
  mark(marker);
  const diskReserve = new DiskReserve(`${file}.reserve`, reserveBytes);
  const journal = new SqliteJournal({ ...settings, database, diskReserve });
  log.info("journal.opened", { file, status: journal.status().kind, commands: journal.stats().commands });
  return journal;
}

function openOrReplace(settings: JournalSettings): { database: Database.Database; problem: string | undefined } {
  const first = openWhole(settings);
  if (first.kind === "open") return { database: first.database, problem: undefined };
  const movedTo = quarantine(settings.file, "journal");
  settings.log.error("journal.quarantined", { file: settings.file, movedTo, problem: first.what });
  const second = openWhole(settings);
  if (second.kind === "open")
    return { database: second.database, problem: `${first.what}; the file is now ${movedTo}` };
  throw new AgentError("journal.unavailable", {
    what: `${settings.file} is damaged right after it was made: ${second.what}`,
    remedy: "check the disk: it does not give back what was written",
  });
}

/** The database with every row of it checked. */
function openWhole({ file }: JournalSettings): ReturnType<typeof openDatabase> {
  const settings: DatabaseSettings = {
    file,
    store: "journal",
    migrations: JOURNAL_MIGRATIONS,
    pageBytes: 4096,
    logBytes: MEBIBYTE / 4,
    check: { kind: "all" },
  };
  const opened = openDatabase(settings);
  if (opened.kind === "damaged") return opened;
  const { database } = opened;
  // What was a secret while it counted, such as the URL of an upload, is not to be read in the file afterwards.
  database.pragma("secure_delete = ON");
  try {
    for (const row of database.prepare<[], CommandRow>("SELECT * FROM commands").iterate()) checkCommand(row, file);
    for (const row of database.prepare<[], DocumentRow>("SELECT * FROM documents").iterate()) checkDocument(row, file);
    if (journalStatements(database).meta.get() === undefined) throw new Error(`${file} lacks its first row`);
    return opened;
  } catch (thrown) {
    database.close();
    return { kind: "damaged", what: messageOf(thrown) };
  }
}

function mark(marker: string): void {
  if (existsSync(marker)) return;
  closeSync(openSync(marker, "a", 0o600));
  syncFolder(dirname(marker));
}
