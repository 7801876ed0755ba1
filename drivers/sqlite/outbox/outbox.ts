import { existsSync, rmSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { LossRange, Outbox } from "../../../agent/ports/outbox.ts";
import { type DatabaseSettings, type Opened, openDatabase } from "../database.ts";
import { faultOf, isDamaged } from "../faults.ts";
import { lastQuarantined, quarantine } from "../quarantine.ts";
import { reconcile, recordsIn } from "../recovery/reconcile.ts";
import { beginSalvage, isStillOwed } from "../recovery/salvage.ts";
import { takeOver } from "../recovery/take-over.ts";
import { type FoundWatermark, readWatermark, type Watermark } from "../recovery/watermark.ts";
import { WatermarkFile } from "../recovery/watermark-file.ts";
import { changedRow, recount } from "../recovery/whole-check.ts";
import { drawEpoch, epochOf } from "./epoch.ts";
import { OutboxReserve } from "./outbox-reserve.ts";
import { keyProblem, noteKey } from "./rest-key.ts";
import { OUTBOX_MIGRATIONS } from "./schema.ts";
import { type PayloadParts, SqliteOutbox } from "./sqlite-outbox.ts";
import { forgetStandbyFiles, noteStandbyLosses } from "./standby-watermarks.ts";

const MEBIBYTE = 1_048_576;
/** All but `records`. */
const SMALL_TABLES = [
  "outbox",
  "streams",
  "losses",
  "reports",
  "past",
  "salvages",
  "missing",
  "carried",
  "kept",
  "rest_key",
] as const;
/** A file that an older agent made has no watermark beside it. */
const FIRST_VERSION_WITH_WATERMARK = 3;

/**
 * A quarter of what SQLite takes: each commit writes five pages besides its payload (header, map of pages, totals, index, the leaf of its record),
 * and writes all of each. Pages half as long would write a tenth less, for a quarter more processor time a record.
 */
const PAGE_BYTES = 1024;

/** Sizes on disk that follow from what an embedded disk is; tests make them small. */
export type OutboxSizes = {
  readonly pageBytes: number;
  readonly logBytes: number;
  /** Set by for the time when the disk is full. */
  readonly reserveBytes: number;
  /** A larger file is not checked whole at open. */
  readonly checkBytes: number;
  /** The same for one of which something was found damaged. */
  readonly suspectBytes: number;
  /** The database file never grows past this. */
  readonly maxFileBytes: number;
  /** Time at the start for what a damaged file still has; the rest comes over beside the work. */
  readonly salvageMs: number;
};

/** How the outbox is opened. */
export type OutboxSettings = {
  /** Absolute; its folder is made (0700) where missing. */
  readonly file: string;
  /** Bound of the stored payload bytes. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Kernel boot id, hexadecimal; without it no record's age is known but by the wall clock. */
  readonly bootId?: string | undefined;
  /** 0 <= x < 1, for the epoch; the system's random numbers when absent. */
  readonly random?: () => number;
  readonly sizes?: Partial<OutboxSizes>;
  /** Where an outbox in memory leaves what it owes; see `StandbyOutbox`. What is found there of an earlier process is told as lost. */
  readonly standbyFiles?: readonly string[];
};

/** An open outbox, and what became of the file that was there. */
export type OpenedOutbox = {
  readonly outbox: Outbox;
  /** Where a damaged database was moved to; the outbox then has a new epoch, and what can be read comes over. */
  readonly quarantined: string | undefined;
  /** Why what it held cannot be decrypted; it was set aside like a damaged one. */
  readonly lostKey: string | undefined;
};

/**
 * Opens or makes the outbox database; only one process can.
 *
 * A file that is not a database or is damaged is set aside as `<file>.damaged-<n>`, and its readable records come over with their
 * ids, the last of them after this has returned; the rest is told as lost. A sound file that has less than was promised stays, tells
 * what is lost, and ends its epoch. The records and losses of `adopt`, the database of an outbox in memory, come over with their ids,
 * all or none. Throws `agent.already-running` when another process holds it, `outbox.unavailable` when folder or disk does not allow
 * it, `outbox.full` when there is no room for an empty one.
 *
 * A file that was encrypted with another key than that of `payloads.cipher` is set aside too: what is not encrypted comes over.
 */
export function openOutbox(
  settings: OutboxSettings,
  adopt?: Database.Database,
  payloads: PayloadParts = {},
): OpenedOutbox {
  const { file } = settings;
  const suspicionFile = suspicionFileOf(file);
  const suspicion = suspicionOf(settings);
  const { pageBytes, logBytes, checkBytes } = sizesOf(settings);
  const databaseSettings: DatabaseSettings = {
    file,
    store: "outbox",
    migrations: OUTBOX_MIGRATIONS,
    pageBytes,
    logBytes,
    check:
      suspicion === "checkable"
        ? { kind: "all" }
        : { kind: "bounded", maxBytes: checkBytes, smallTables: SMALL_TABLES },
  };
  const found = readWatermark(watermarkFileOf(file));
  const opening: Opening = { databaseSettings, settings, payloads, found };
  const knownVersion = found.kind === "found" ? found.promises.version : undefined;
  const first = checkKey(
    checkSuspect(openDatabase({ ...databaseSettings, knownVersion }), settings, suspicion),
    opening,
  );
  const { database, quarantined, losses } = openOrReplace(first.opened, opening);
  try {
    rmSync(suspicionFile, { force: true });
    noteKey(database, payloads.cipher);
    const { lostKey } = first;
    const { thin, cipher } = payloads;
    const outbox = outboxOn(database, settings, adopt, { thin, cipher, lostKey });
    outbox.countLosses(losses);
    return { outbox, quarantined, lostKey };
  } catch (thrown) {
    // Whoever tries again must find the file free.
    database.close();
    throw faultOf(thrown, file, "outbox");
  }
}

function outboxOn(
  database: Database.Database,
  settings: OutboxSettings,
  adopt: Database.Database | undefined,
  payloads: PayloadParts,
): SqliteOutbox {
  const { file, maxBytes, bootId, clock, log, standbyFiles = [] } = settings;
  const { reserveBytes, maxFileBytes, salvageMs } = sizesOf(settings);
  const reserve = new OutboxReserve({ file: `${file}.reserve`, bytes: reserveBytes });
  const epoch = epochOf(database, settings.random);
  const standbyLosses = adopt === undefined ? noteStandbyLosses(database, standbyFiles, log) : [];
  if (adopt !== undefined) takeOver(adopt, database, payloads.cipher);
  const outbox = new SqliteOutbox({
    storage: { database, file, suspicionFile: suspicionFileOf(file), reserve, maxFileBytes },
    epoch,
    maxBytes,
    bootId,
    payloads,
    clock,
    log,
    watermark: (promises) => new WatermarkFile({ file: watermarkFileOf(file), clock, log }, promises),
  });
  outbox.countLosses(standbyLosses);
  forgetStandbyFiles(standbyFiles);
  outbox.salvage(salvageMs);
  log.info("outbox.opened", { file, epoch, records: outbox.stats().records, bytes: outbox.stats().bytes });
  return outbox;
}

function suspicionFileOf(file: string): string {
  return `${file}.check`;
}

function watermarkFileOf(file: string): string {
  return `${file}.watermark`;
}

function sizesOf({ maxBytes, sizes }: OutboxSettings): OutboxSizes {
  const logBytes = Math.min(4 * MEBIBYTE, Math.max(MEBIBYTE / 4, Math.floor(maxBytes / 32)));
  return {
    pageBytes: PAGE_BYTES,
    logBytes,
    // The log, which may have grown to twice its bound on the way to a full disk, must fit into the file.
    reserveBytes: 2 * logBytes,
    checkBytes: 64 * MEBIBYTE,
    // Read from a slow disk in about ten seconds.
    suspectBytes: 512 * MEBIBYTE,
    // Small records take more for keys and index than their payload shows.
    maxFileBytes: maxBytes * 1.5 + 16 * MEBIBYTE,
    salvageMs: 500,
    ...sizes,
  };
}

type OpenDatabase = Extract<Opened, { kind: "open" }>;
type Replaced = {
  readonly database: Database.Database;
  readonly quarantined: string | undefined;
  /** What a sound database had less than was promised. */
  readonly losses: readonly LossRange[];
};

/** How the outbox is opened, and what was promised of it. */
type Opening = {
  readonly databaseSettings: DatabaseSettings;
  readonly settings: OutboxSettings;
  readonly payloads: PayloadParts;
  readonly found: FoundWatermark;
};

function openOrReplace(first: Opened, opening: Opening): Replaced {
  const { databaseSettings, settings, found } = opening;
  const { file, log } = settings;
  const promises = found.kind === "found" ? found.promises : undefined;
  if (first.kind === "open") {
    const unfinished = first.versionBefore === 0 ? unfinishedOf(settings, promises) : undefined;
    const losses = unfinished === undefined ? holdAgainst(found, first, settings) : [];
    if (unfinished !== undefined) replace(first.database, unfinished, opening);
    return { database: first.database, quarantined: unfinished, losses };
  }
  const quarantined = quarantine(file, "outbox");
  log.error("outbox.quarantined", { file, movedTo: quarantined, problem: first.what });
  const second = openDatabase(databaseSettings);
  if (second.kind === "damaged") {
    throw new AgentError("outbox.unavailable", {
      what: `${file} is damaged right after it was made: ${second.what}`,
      remedy: "check the disk: it does not give back what was written",
    });
  }
  replace(second.database, quarantined, opening);
  return { database: second.database, quarantined, losses: [] };
}

/** The damaged file that was set aside before a new database could stand in for it. */
function unfinishedOf(settings: OutboxSettings, promises: Watermark | undefined): string | undefined {
  const damagedFile = promises === undefined ? undefined : lastQuarantined(settings.file);
  if (promises === undefined || damagedFile === undefined) return undefined;
  return isStillOwed(damagedFile, promises) ? damagedFile : undefined;
}

/** Whether something was found damaged in the file, and whether it can all be checked in the time that a start has. */
type Suspicion = "none" | "checkable" | "too-large";

function suspicionOf(settings: OutboxSettings): Suspicion {
  const { file } = settings;
  if (!existsSync(suspicionFileOf(file))) return "none";
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return bytes <= sizesOf(settings).suspectBytes ? "checkable" : "too-large";
}

/**
 * A database of which something was found damaged is checked to the last row: SQLite sees none that changed in its columns alone. One too large
 * for that is as good as damaged: its records come over a few at a time, where the check would stop everything for minutes, and at each start.
 */
function checkSuspect(opened: Opened, { file }: OutboxSettings, suspicion: Suspicion): Opened {
  if (opened.kind === "damaged" || suspicion === "none") return opened;
  const { database } = opened;
  if (suspicion === "too-large") {
    database.close();
    return { kind: "damaged", what: "something in it was found damaged, and it is too large to be checked at a start" };
  }
  try {
    const what = changedRow(database);
    if (what === undefined) recount(database);
    else database.close();
    return what === undefined ? opened : { kind: "damaged", what };
  } catch (thrown) {
    database.close();
    if (isDamaged(thrown)) return { kind: "damaged", what: messageOf(thrown) };
    throw faultOf(thrown, file, "outbox");
  }
}

/** A database whose payloads another key has encrypted is as good as damaged. */
function checkKey(
  opened: Opened,
  { settings: { file }, payloads: { cipher } }: Opening,
): { readonly opened: Opened; readonly lostKey: string | undefined } {
  if (opened.kind === "damaged") return { opened, lostKey: undefined };
  const { database } = opened;
  try {
    const what = keyProblem(database, cipher);
    if (what === undefined) return { opened, lostKey: undefined };
    database.close();
    return { opened: { kind: "damaged", what }, lostKey: what };
  } catch (thrown) {
    database.close();
    if (isDamaged(thrown)) return { opened: { kind: "damaged", what: messageOf(thrown) }, lostKey: undefined };
    throw faultOf(thrown, file, "outbox");
  }
}

/** Makes a new database stand in for the one that was set aside. */
function replace(database: Database.Database, damagedFile: string, opening: Opening): void {
  const { settings, payloads, found } = opening;
  const promises = found.kind === "found" ? found.promises : undefined;
  try {
    epochOf(database, settings.random);
    beginSalvage({ database, damagedFile, promises, cipher: payloads.cipher });
  } catch (thrown) {
    database.close();
    throw faultOf(thrown, settings.file, "outbox");
  }
}

/** Notes and gives what a sound database has less than was promised, and ends its epoch then. */
function holdAgainst(
  found: FoundWatermark,
  { database, versionBefore }: OpenDatabase,
  settings: OutboxSettings,
): readonly LossRange[] {
  const { file, log, random } = settings;
  epochOf(database, random);
  const hasWatermark = versionBefore >= FIRST_VERSION_WITH_WATERMARK;
  const reconciled = reconcile({ database, found, hasWatermark, drawEpoch: () => drawEpoch(random) });
  if (reconciled === undefined) return [];
  const { why, losses } = reconciled;
  log.error("outbox.epoch-ended", { file, why, lost: recordsIn(losses) });
  return losses;
}
