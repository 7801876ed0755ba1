import type Database from "better-sqlite3";
import type { OwedRange } from "./watermark.ts";

type Row = OwedRange & { readonly id: number };

/** The `missing` table: seqs that are owed and that a salvage has not found yet. What is left when it ends is lost. For use inside a transaction. */
export class MissingSeqs {
  readonly #insert: Database.Statement<[epoch: number, stream: number, first: number, last: number]>;
  readonly #overlapping: Database.Statement<[epoch: number, stream: number, last: number, first: number], Row>;
  readonly #delete: Database.Statement<[id: number]>;
  readonly #all: Database.Statement<[], OwedRange>;
  readonly #clear: Database.Statement<[]>;

  constructor(database: Database.Database) {
    this.#insert = database.prepare("INSERT INTO missing (epoch, stream, first, last) VALUES (?, ?, ?, ?)");
    this.#overlapping = database.prepare(
      "SELECT * FROM missing WHERE epoch = ? AND stream = ? AND first <= ? AND last >= ?",
    );
    this.#delete = database.prepare("DELETE FROM missing WHERE id = ?");
    this.#all = database.prepare("SELECT epoch, stream, first, last FROM missing ORDER BY epoch, stream, first");
    this.#clear = database.prepare("DELETE FROM missing");
  }

  /** These are owed; an empty range is ignored. */
  add(range: OwedRange): void {
    this.found(range);
    if (range.first <= range.last) this.#insert.run(range.epoch, range.stream, range.first, range.last);
  }

  /** These are missing no longer. */
  found({ epoch, stream, first, last }: OwedRange): void {
    for (const row of this.#overlapping.all(epoch, stream, last, first)) {
      this.#delete.run(row.id);
      if (row.first < first) this.#insert.run(epoch, stream, row.first, first - 1);
      if (row.last > last) this.#insert.run(epoch, stream, last + 1, row.last);
    }
  }

  /** All of them, which are then not missing any more but lost. */
  take(): readonly OwedRange[] {
    const all = this.#all.all();
    this.#clear.run();
    return all;
  }
}
