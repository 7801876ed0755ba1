import type Database from "better-sqlite3";
import { isSoundLoss, type LossRow } from "../outbox/losses.ts";
import type { RecordKey } from "../outbox/records.ts";
import { hasSoundColumns, SEALED_COLUMNS } from "../outbox/seal.ts";

/** The first row of an outbox database whose columns changed on the disk, which SQLite does not notice; undefined when there is none. */
export function changedRow(database: Database.Database): string | undefined {
  for (const row of database.prepare<[], RecordKey>(`SELECT ${SEALED_COLUMNS} FROM records ORDER BY row`).iterate())
    if (!hasSoundColumns(row)) return `the columns of row ${row.row} changed`;
  for (const table of ["losses", "reports", "carried"] as const) {
    const id = table === "losses" ? "id" : "row AS id";
    for (const loss of database.prepare<[], LossRow>(`SELECT ${id}, * FROM ${table}`).iterate())
      if (!isSoundLoss(loss, table === "losses" ? 0 : loss.id)) return `row ${loss.id} of ${table} changed`;
  }
  return undefined;
}

/** Counts again what `streams` and `past` keep of the records, where a damage may have changed it. */
export function recount(database: Database.Database): void {
  const of = (what: string, dead: string): string =>
    `(SELECT ${what} FROM records WHERE records.stream = streams.stream ${dead})`;
  database.exec(
    `UPDATE streams SET records = ${of("count(*)", "AND dead = 0")}, dead = ${of("count(*)", "AND dead = 1")},
      bytes = ${of("coalesce(sum(bytes), 0)", "")}`,
  );
  database.exec(
    `UPDATE past SET records =
      (SELECT count(*) FROM records WHERE records.epoch = past.epoch AND records.stream = past.stream)`,
  );
}
