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
  /** Of thinned records; the same. */
  readonly ratio?: number | null;
  readonly kept_first?: number | null;
  readonly kept_last?: number | null;
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
  ratio: number | null,
  keptFirst: number | null,
  keptLast: number | null,
];
type Neighbour = [epoch: number, stream: number, reason: number, detail: string, seq: number];

/** The losses that are noted and not yet reported, and which record reports which loss. For use inside a transaction only. */
export class LossTable {
  readonly #insert: Database.Statement<LossValues>;
  readonly #endingAt: Database.Statement<Neighbour, LossRow>;
  readonly #startingAt: Database.Statement<Neighbour, LossRow>;
  readonly #stretch: Database.Statement<[first: number, last: number, crc: number, id: number]>;
  readonly #delete: Database.Statement<[id: number]>;
  readonly #touching: Database.Statement<
    [epoch: number, stream: number, reason: number, detail: string, last: number, first: number],
    LossRow
  >;
  readonly #oldest: Database.Statement<[max: number], LossRow>;
  readonly #insertReport: Database.Statement<[row: number, ...LossValues]>;
  readonly #takeReport: Database.Statement<[row: number], LossRow>;

  constructor(database: Database.Database) {
    const like = "SELECT * FROM losses WHERE epoch = ? AND stream = ? AND reason = ? AND detail = ?";
    this.#insert = database.prepare(
      `INSERT INTO losses (epoch, stream, first, last, reason, detail, crc, ratio, kept_first, kept_last)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#touching = database.prepare(`${like} AND first <= ? + 1 AND last >= ? - 1 ORDER BY id`);
    this.#endingAt = database.prepare(`${like} AND last = ?`);
    this.#startingAt = database.prepare(`${like} AND first = ?`);
    this.#stretch = database.prepare("UPDATE losses SET first = ?, last = ?, crc = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM losses WHERE id = ?");
    this.#oldest = database.prepare("SELECT * FROM losses ORDER BY id LIMIT ?");
    this.#insertReport = database.prepare("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#takeReport = database.prepare("DELETE FROM reports WHERE row = ? RETURNING row AS id, *");
  }

  /** Notes a loss; one that continues a noted range of the same reason and detail stretches it, of thinned records also one that overlaps it. */
  note(loss: LossRange): void {
    const columns = columnsOf(loss);
    if (loss.reason === "thinned") {
      this.#noteThinned(columns);
      return;
    }
    const { epoch, stream, reason, detail } = columns;
    const before = this.#endingAt.get(epoch, stream, reason, detail, loss.first - 1);
    const after = this.#startingAt.get(epoch, stream, reason, detail, loss.last + 1);
    const first = before === undefined ? loss.first : soundLoss(before, 0).first;
    const last = after === undefined ? loss.last : soundLoss(after, 0).last;
    const crc = lossCrc({ ...columns, first, last }, 0);
    if (before !== undefined && after !== undefined) this.#delete.run(after.id);
    const place = before ?? after;
    if (place === undefined) this.#insert.run(epoch, stream, first, last, reason, detail, crc, null, null, null);
    else this.#stretch.run(first, last, crc, place.id);
  }

  /** Whatever lies between records that were thinned has a fate of its own, so that ranges of two campaigns, which overlap, can be one. */
  #noteThinned(columns: LossColumns): void {
    const { epoch, stream, reason, detail, first, last } = columns;
    const touching = this.#touching.all(epoch, stream, reason, detail, last, first).map((row) => soundLoss(row, 0));
    for (const { id } of touching) this.#delete.run(id);
    const all = [...touching, columns];
    const least = (of: (row: LossColumns) => number | null | undefined): number => {
      return Math.min(...all.map((row) => of(row) ?? Number.POSITIVE_INFINITY));
    };
    const most = (of: (row: LossColumns) => number | null | undefined): number => {
      return Math.max(...all.map((row) => of(row) ?? 0));
    };
    const union = {
      ...columns,
      first: least((row) => row.first),
      last: most((row) => row.last),
      kept_first: least((row) => row.kept_first),
      kept_last: most((row) => row.kept_last),
    };
    this.#insert.run(...valuesOf(union, 0));
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
    this.#insertReport.run(row, ...valuesOf(columnsOf(loss), row));
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
  const range = { epoch, stream: streamOf(row.stream), first, last, reason: reasonOf(row.reason), detail };
  if (range.reason !== "thinned") return range;
  return { ...range, thinned: { ratio: row.ratio ?? 0, keptFirst: row.kept_first ?? 0, keptLast: row.kept_last ?? 0 } };
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
function lossCrc(loss: LossColumns, row: number): number {
  const { epoch, stream, first, last, reason, detail, ratio, kept_first: keptFirst, kept_last: keptLast } = loss;
  const columns = [row, epoch, stream, first, last, reason, detail];
  return crc32((typeof ratio === "number" ? [...columns, ratio, keptFirst, keptLast] : columns).join("/"));
}

function valuesOf(loss: LossColumns, row: number): LossValues {
  const { epoch, stream, first, last, reason, detail } = loss;
  const { ratio = null, kept_first: keptFirst = null, kept_last: keptLast = null } = loss;
  return [epoch, stream, first, last, reason, detail, lossCrc(loss, row), ratio, keptFirst, keptLast];
}

function columnsOf({ epoch, stream, first, last, reason, detail, thinned }: LossRange): LossColumns {
  const columns = { epoch, stream: streamCode(stream), first, last, reason: reasonCode(reason), detail };
  if (thinned === undefined) return columns;
  const { ratio, keptFirst, keptLast } = thinned;
  return { ...columns, ratio, kept_first: keptFirst, kept_last: keptLast };
}
