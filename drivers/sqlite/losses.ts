import type Database from "better-sqlite3";
import type { LossRange } from "../../agent/ports.ts";
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
};
type LossValues = [epoch: number, stream: number, first: number, last: number, reason: number, detail: string];
type Neighbour = [epoch: number, stream: number, reason: number, detail: string, seq: number];

/** The losses that are noted and not yet reported, and which record reports which loss. For use inside a transaction only. */
export class LossLedger {
  readonly #insert: Database.Statement<LossValues>;
  readonly #endingAt: Database.Statement<Neighbour, LossRow>;
  readonly #startingAt: Database.Statement<Neighbour, LossRow>;
  readonly #stretch: Database.Statement<[first: number, last: number, id: number]>;
  readonly #delete: Database.Statement<[id: number]>;
  readonly #oldest: Database.Statement<[max: number], LossRow>;
  readonly #insertReport: Database.Statement<[row: number, ...LossValues]>;
  readonly #takeReport: Database.Statement<[row: number], LossRow>;

  constructor(database: Database.Database) {
    const like = "SELECT * FROM losses WHERE epoch = ? AND stream = ? AND reason = ? AND detail = ?";
    this.#insert = database.prepare(
      "INSERT INTO losses (epoch, stream, first, last, reason, detail) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#endingAt = database.prepare(`${like} AND last = ?`);
    this.#startingAt = database.prepare(`${like} AND first = ?`);
    this.#stretch = database.prepare("UPDATE losses SET first = ?, last = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM losses WHERE id = ?");
    this.#oldest = database.prepare("SELECT * FROM losses ORDER BY id LIMIT ?");
    this.#insertReport = database.prepare("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#takeReport = database.prepare(
      "DELETE FROM reports WHERE row = ? RETURNING row AS id, epoch, stream, first, last, reason, detail",
    );
  }

  /** Notes a loss; one that continues a noted range of the same reason and detail stretches it. */
  note(loss: LossRange): void {
    const stream = streamCode(loss.stream);
    const reason = reasonCode(loss.reason);
    const before = this.#endingAt.get(loss.epoch, stream, reason, loss.detail, loss.first - 1);
    const after = this.#startingAt.get(loss.epoch, stream, reason, loss.detail, loss.last + 1);
    if (before !== undefined) {
      if (after !== undefined) this.#delete.run(after.id);
      this.#stretch.run(before.first, after?.last ?? loss.last, before.id);
    } else if (after !== undefined) {
      this.#stretch.run(loss.first, after.last, after.id);
    } else {
      this.#insert.run(loss.epoch, stream, loss.first, loss.last, reason, loss.detail);
    }
  }

  /** The oldest noted ranges, at most `max`, which are noted no longer. */
  take(max: number): readonly LossRange[] {
    const rows = this.#oldest.all(max);
    for (const row of rows) this.#delete.run(row.id);
    return rows.map(rangeOf);
  }

  /** Whether nothing is noted. */
  isEmpty(): boolean {
    return this.#oldest.get(1) === undefined;
  }

  /** Remembers that the record at `row` carries `loss`. */
  reported(row: number, loss: LossRange): void {
    const { epoch, stream, first, last, reason, detail } = loss;
    this.#insertReport.run(row, epoch, streamCode(stream), first, last, reasonCode(reason), detail);
  }

  /** The record at `row` will not be delivered: notes the loss that it carried again. Returns whether it carried one. */
  giveBack(row: number): boolean {
    const [report] = this.#takeReport.all(row);
    if (report === undefined) return false;
    this.note(rangeOf(report));
    return true;
  }
}

/** What the row says. */
export function rangeOf(row: LossRow): LossRange {
  const { epoch, first, last, detail } = row;
  return { epoch, stream: streamOf(row.stream), first, last, reason: reasonOf(row.reason), detail };
}
