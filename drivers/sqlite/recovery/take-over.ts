import type Database from "better-sqlite3";
import { type KeptRow, KeptTable } from "../outbox/kept.ts";
import { type LossRow, LossTable, rangeOf } from "../outbox/losses.ts";
import { PastEpochs } from "../outbox/past-epochs.ts";
import { type RecordColumns, RecordTable } from "../outbox/records.ts";
import type { RestCipher } from "../outbox/rest-cipher.ts";

type Row = RecordColumns & { readonly row: number };

/** Copies all records with their ids, the noted losses and the kept values of the sound database `from` into `into`: all or, when it throws, none. */
export function takeOver(from: Database.Database, into: Database.Database, cipher: RestCipher | undefined): void {
  into
    .transaction(() => {
      const rows = copyRecords(from, into, cipher);
      copyLosses(from, into, rows);
      copyKept(from, into, cipher);
    })
    .immediate();
}

/** The new row of each old one. */
function copyRecords(
  from: Database.Database,
  into: Database.Database,
  cipher: RestCipher | undefined,
): ReadonlyMap<number, number> {
  const table = new RecordTable(into, undefined, cipher);
  const rows = new Map<number, number>();
  for (const record of from.prepare<[], Row>("SELECT * FROM records ORDER BY row").iterate()) {
    rows.set(record.row, table.insertForeign(record));
  }
  table.persist();
  return rows;
}

/** What was kept, and forgotten, in memory is newer than what the disk has. */
function copyKept(from: Database.Database, into: Database.Database, cipher: RestCipher | undefined): void {
  const rows = from.prepare<[], KeptRow>("SELECT * FROM kept ORDER BY key").all();
  new KeptTable(into, false, cipher).write(rows.map(({ key, value }) => ({ key, value: value ?? undefined })));
}

function copyLosses(from: Database.Database, into: Database.Database, rows: ReadonlyMap<number, number>): void {
  const ledger = new LossTable(into);
  const past = new PastEpochs(into);
  const losses = from.prepare<[], LossRow>("SELECT * FROM losses ORDER BY id").all();
  const reports = from.prepare<[], LossRow>("SELECT row AS id, * FROM reports").all();
  for (const loss of losses) ledger.note(rangeOf(loss));
  for (const report of reports) {
    const row = rows.get(report.id);
    if (row !== undefined) ledger.reported(row, rangeOf(report));
  }
  for (const range of [...losses, ...reports]) past.include(range, 0);
}
