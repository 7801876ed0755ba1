import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type Database from "better-sqlite3";
import type { Log } from "../../../agent/core/log.ts";
import type { SalvageState } from "../../../agent/ports/outbox.ts";
import type { Evictor } from "../outbox/evictor.ts";
import { KeptTable } from "../outbox/kept.ts";
import { type LossRow, LossTable, rangeOf } from "../outbox/losses.ts";
import { PastEpochs } from "../outbox/past-epochs.ts";
import type { RecordRow, RecordTable } from "../outbox/records.ts";
import { fromRest, type RestCipher } from "../outbox/rest-cipher.ts";
import { missingBytes } from "../outbox/totals.ts";
import { removeQuarantined } from "../quarantine.ts";
import { DamagedFile } from "./damaged-file.ts";
import { MissingSeqs } from "./missing.ts";
import { noteDamaged, recordsIn } from "./reconcile.ts";
import type { Watermark } from "./watermark.ts";

/** Rows that a file may say it has beyond those promised: what a power cut can have left out of the watermark. */
const UNPROMISED_ROWS = 1_000_000;

/** Where a salvage begins. */
export type SalvageStart = {
  /** The new database. */
  readonly database: Database.Database;
  /** The file that was set aside, beside it. */
  readonly damagedFile: string;
  /** What was promised; undefined where that is not known, and the file itself is asked. */
  readonly promises: Watermark | undefined;
  /** Opens what is encrypted. */
  readonly cipher: RestCipher | undefined;
};

/**
 * Notes in the new database everything that the damaged file owes as missing, all or none: from here on what does not come over is
 * told, whatever happens. The records keep their rows; new ones come above them.
 */
export function beginSalvage({ database, damagedFile, promises, cipher }: SalvageStart): void {
  const damaged = new DamagedFile(damagedFile);
  const lastRow = lastRowOf(damaged, promises);
  try {
    database
      .transaction(() => {
        const missing = new MissingSeqs(database);
        const past = new PastEpochs(database);
        for (const range of promises?.owed ?? damaged.owed()) {
          if (range.first > range.last) continue;
          missing.add(range);
          past.include(range, 0);
        }
        for (const loss of carryLosses(database, damaged)) {
          // What lies between thinned records has another fate: after a damage it is told as lost rather than believed to be safe.
          if (rangeOf(loss).reason !== "thinned") missing.found(loss);
          past.include(loss, 0);
        }
        const kept = damaged
          .kept()
          .filter(({ key, value }) => value === null || fromRest(cipher, { kept: key }, value) !== undefined)
          .map(({ key, value }) => ({ key, value: value ?? undefined }));
        new KeptTable(database, false, cipher).write(kept);
        addSalvages(database, damaged, basename(damagedFile), lastRow);
      })
      .immediate();
  } finally {
    damaged.close();
  }
}

/** Whether something that a damaged file held is still owed: its salvage has not ended, or not begun. */
export function isStillOwed(damagedFile: string, promises: Watermark): boolean {
  const damaged = new DamagedFile(damagedFile);
  try {
    const epoch = damaged.epoch();
    const isOfIt = (range: { readonly epoch: number }): boolean => range.epoch === epoch;
    return epoch === undefined || isOfIt(promises) || promises.owed.some(isOfIt);
  } finally {
    damaged.close();
  }
}

function lastRowOf(damaged: DamagedFile, promises: Watermark | undefined): number {
  const lastRow = damaged.lastRow();
  if (promises === undefined) return lastRow;
  return lastRow <= promises.lastRow + UNPROMISED_ROWS ? Math.max(lastRow, promises.lastRow) : promises.lastRow;
}

function carryLosses(database: Database.Database, damaged: DamagedFile): readonly LossRow[] {
  const ledger = new LossTable(database);
  const losses = damaged.losses("losses");
  const carried = [...damaged.losses("reports"), ...damaged.losses("carried")];
  for (const loss of losses) ledger.note(rangeOf(loss));
  const insert = database.prepare("INSERT OR REPLACE INTO carried VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const { id, epoch, stream, first, last, reason, detail, crc = null, ...rest } of carried) {
    const { ratio = null, kept_first: keptFirst = null, kept_last: keptLast = null } = rest;
    insert.run(id, epoch, stream, first, last, reason, detail, crc, ratio, keptFirst, keptLast);
  }
  return [...losses, ...carried];
}

/** With those that the damaged file had not ended, whose rows come before its own. */
function addSalvages(database: Database.Database, damaged: DamagedFile, file: string, lastRow: number): void {
  const insert = database.prepare<[string, number, number]>(
    "INSERT INTO salvages (file, next_row, last_row, records) VALUES (?, ?, ?, 0)",
  );
  for (const before of damaged.salvages()) insert.run(before.file, before.next_row, before.last_row);
  insert.run(file, 1, lastRow);
  database.prepare<[number]>("UPDATE streams SET last_row = ?").run(lastRow);
}

type SalvageRow = {
  readonly id: number;
  readonly file: string;
  readonly next_row: number;
  readonly last_row: number;
  readonly records: number;
};

export type SalvagerParts = {
  readonly database: Database.Database;
  /** Of the outbox; damaged files are in its folder. */
  readonly file: string;
  readonly records: RecordTable;
  readonly losses: LossTable;
  /** Counts what is lost. */
  readonly evictor: Pick<Evictor, "count">;
  readonly maxBytes: number;
  readonly log: Log;
};

/** Brings the records of damaged files over, in small steps, each durable with the place to go on at. */
export class Salvager {
  readonly #parts: SalvagerParts;
  readonly #missing: MissingSeqs;
  #open: { readonly file: string; readonly damaged: DamagedFile } | undefined;
  /** Of which nothing is missing, once the transaction is durable in which its salvage ended. */
  #spent: string | undefined;
  /** As the last transaction left it. */
  #pending: SalvageRow | undefined;

  constructor(parts: SalvagerParts) {
    this.#parts = parts;
    this.#missing = new MissingSeqs(parts.database);
    this.#pending = this.#current();
  }

  /** Whether there is something left to do. */
  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** How far it is with the file that it reads now; undefined where nothing is left to do. */
  get state(): SalvageState | undefined {
    if (this.#pending === undefined) return undefined;
    const { file, next_row: nextRow, last_row: totalRows, records } = this.#pending;
    return { file, rows: Math.min(nextRow - 1, totalRows), totalRows, records };
  }

  /** One step, for use inside a transaction. Returns the number of records that came over. */
  step(): number {
    this.#spent = undefined;
    const current = this.#current();
    if (current === undefined) return 0;
    const { records, nextRow } = this.#damaged(current).records(current.next_row, current.last_row);
    const taken = records.filter((record) => this.#take(record)).length;
    if (nextRow > current.last_row) this.#end(current, taken);
    else {
      this.#parts.database
        .prepare<[number, number, number]>("UPDATE salvages SET next_row = ?, records = records + ? WHERE id = ?")
        .run(nextRow, taken, current.id);
    }
    return taken;
  }

  /** To be called after the transaction of a step was committed. A file that has nothing more than came over goes: it may be as large as the outbox. */
  look(): void {
    this.#pending = this.#current();
    if (this.#pending === undefined) this.close();
    if (this.#spent === undefined) return;
    removeQuarantined(join(dirname(this.#parts.file), this.#spent));
    this.#spent = undefined;
  }

  close(): void {
    this.#open?.damaged.close();
    this.#open = undefined;
  }

  #current(): SalvageRow | undefined {
    return this.#parts.database.prepare<[], SalvageRow>("SELECT * FROM salvages ORDER BY id LIMIT 1").get();
  }

  #damaged({ file }: SalvageRow): Pick<DamagedFile, "records"> {
    if (this.#open?.file === file) return this.#open.damaged;
    this.close();
    const path = join(dirname(this.#parts.file), file);
    if (!existsSync(path)) return { records: (_, lastRow) => ({ records: [], nextRow: lastRow + 1 }) };
    const damaged = new DamagedFile(path);
    this.#open = { file, damaged };
    return damaged;
  }

  /** What has no room is left out, and so told: what is saved must not push out what is new. So is what no key opens. */
  #take(record: RecordRow): boolean {
    const { records, losses, database, maxBytes } = this.#parts;
    const { row, epoch, stream, seq } = record;
    if (missingBytes(records.totals, stream, record.bytes, maxBytes) > 0) return false;
    if (records.key(row) !== undefined || records.payloadOf(record) === undefined) return false;
    records.insertAt(row, record);
    // One that was set aside has come to be lost already, and that is what is owed of it.
    if (record.dead === 0) this.#missing.found({ epoch, stream, first: seq, last: seq });
    const carried = database.prepare<[number], LossRow>("DELETE FROM carried WHERE row = ? RETURNING row AS id, *");
    for (const loss of carried.all(row)) losses.reported(row, rangeOf(loss));
    return true;
  }

  #end({ id, file, records }: SalvageRow, taken: number): void {
    const { database, records: table, losses, evictor, log } = this.#parts;
    database.prepare<[number]>("DELETE FROM salvages WHERE id = ?").run(id);
    if (this.#current() !== undefined) return;
    const carried = database.prepare<[], LossRow>("DELETE FROM carried RETURNING row AS id, *").all();
    for (const loss of carried) losses.note(rangeOf(loss));
    const missing = this.#missing.take();
    for (const range of missing) evictor.count(noteDamaged(range, table, losses));
    if (missing.length === 0 && this.#open?.damaged.saysWhatItOwes === true) this.#spent = file;
    log.warn("outbox.salvaged", { file, records: records + taken, damaged: recordsIn(missing) });
  }
}
