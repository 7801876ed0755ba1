import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import type { LossRange } from "../../../agent/ports/outbox.ts";
import { reasonCode, reasonOf, streamCode, streamOf } from "./codes.ts";

/** A row of `losses`; of `reports` with its `row` as `id`. */
export type LossRow = {
  readonly id: number;
  readonly epoch: number;
  readonly stream: number;
  readonly first: number;
  readonly last: number;
  readonly reason: number;
  readonly detail: string;
  /** Absent in a file of an older version, null in its rows. */
  readonly crc?: number | null;
};
type LossColumns = Omit<LossRow, "id" | "crc">;
type LossValues = [
  epoch: number,
  stream: number,
  first: number,
  last: number,
  reason: number,
  detail: string,
  crc: number,
];
type Neighbour = [epoch: number, stream: number, reason: number, detail: string, seq: number];

/** The losses that are noted and not yet reported, and which record reports which loss. For use inside a transaction only. */
export class LossTable {
  readonly #insert: Database.Statement<LossValues>;
  readonly #endingAt: Database.Statement<Neighbour, LossRow>;
  readonly #startingAt: Database.Statement<Neighbour, LossRow>;
  readonly #stretch: Database.Statement<[first: number, last: number, crc: number, id: number]>;
  readonly #delete: Database.Statement<[id: number]>;
  readonly #oldest: Database.Statement<[max: number], LossRow>;
  readonly #insertReport: Database.Statement<[row: number, ...LossValues]>;
  readonly #takeReport: Database.Statement<[row: number], LossRow>;

  constructor(database: Database.Database) {
    const like = "SELECT * FROM losses WHERE epoch = ? AND stream = ? AND reason = ? AND detail = ?";
    this.#insert = database.prepare(
      "INSERT INTO losses (epoch, stream, first, last, reason, detail, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#endingAt = database.prepare(`${like} AND last = ?`);
    this.#startingAt = database.prepare(`${like} AND first = ?`);
    this.#stretch = database.prepare("UPDATE losses SET first = ?, last = ?, crc = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM losses WHERE id = ?");
    this.#oldest = database.prepare("SELECT * FROM losses ORDER BY id LIMIT ?");
    this.#insertReport = database.prepare("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#takeReport = database.prepare("DELETE FROM reports WHERE row = ? RETURNING row AS id, *");
  }

  /** Notes a loss; one that continues a noted range of the same reason and detail stretches it. */
  note(loss: LossRange): void {
    const columns = columnsOf(loss);
    const { epoch, stream, reason, detail } = columns;
    const before = this.#endingAt.get(epoch, stream, reason, detail, loss.first - 1);
    const after = this.#startingAt.get(epoch, stream, reason, detail, loss.last + 1);
    const first = before === undefined ? loss.first : soundLoss(before, 0).first;
    const last = after === undefined ? loss.last : soundLoss(after, 0).last;
    const crc = lossCrc({ ...columns, first, last }, 0);
    if (before !== undefined && after !== undefined) this.#delete.run(after.id);
    const place = before ?? after;
    if (place === undefined) this.#insert.run(epoch, stream, first, last, reason, detail, crc);
    else this.#stretch.run(first, last, crc, place.id);
  }

  /** The oldest noted ranges, at most `max`, which are noted no longer. */
  take(max: number): readonly LossRange[] {
    const rows = this.#oldest.all(max);
    for (const row of rows) this.#delete.run(row.id);
    return rows.map((row) => rangeOf(soundLoss(row, 0)));
  }

  /** Whether nothing is noted. */
  isEmpty(): boolean {
    return this.#oldest.get(1) === undefined;
  }

  /** Remembers that the record at `row` carries `loss`. */
  reported(row: number, loss: LossRange): void {
    const columns = columnsOf(loss);
    const { epoch, stream, first, last, reason, detail } = columns;
    this.#insertReport.run(row, epoch, stream, first, last, reason, detail, lossCrc(columns, row));
  }

  /** The record at `row` will not be delivered: notes the loss that it carried again. Returns whether it carried one. */
  giveBack(row: number): boolean {
    const [report] = this.#takeReport.all(row);
    if (report === undefined) return false;
    this.note(rangeOf(soundLoss(report, row)));
    return true;
  }
}

/** What the row says. */
export function rangeOf(row: LossRow): LossRange {
  const { epoch, first, last, detail } = row;
  return { epoch, stream: streamOf(row.stream), first, last, reason: reasonOf(row.reason), detail };
}

/** Whether a loss is as it was noted, as far as that can be known; `row` is that of the record that reports it, 0 when none does. */
export function isSoundLoss(loss: LossRow, row: number): boolean {
  return typeof loss.crc !== "number" || loss.crc === lossCrc(loss, row);
}

function soundLoss(loss: LossRow, row: number): LossRow {
  if (isSoundLoss(loss, row)) return loss;
  throw new Database.SqliteError(`the columns of loss ${loss.id} changed`, "SQLITE_CORRUPT");
}

/** Check of a loss's columns, and of `row` where a record reports it; see `isSoundLoss`. */
function lossCrc({ epoch, stream, first, last, reason, detail }: LossColumns, row: number): number {
  return crc32([row, epoch, stream, first, last, reason, detail].join("/"));
}

function columnsOf({ epoch, stream, first, last, reason, detail }: LossRange): LossColumns {
  return { epoch, stream: streamCode(stream), first, last, reason: reasonCode(reason), detail };
}
