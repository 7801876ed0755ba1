import type Database from "better-sqlite3";
import type { OwedRange } from "../recovery/watermark.ts";

/** The `past` table: what is left of epochs before this one, so that no later damage can lose it untold. For use inside a transaction. */
export class PastEpochs {
  readonly #include: Database.Statement<[epoch: number, stream: number, first: number, last: number, records: number]>;
  readonly #remove: Database.Statement<[epoch: number, stream: number]>;
  readonly #prune: Database.Statement<[]>;
  readonly #list: Database.Statement<[], OwedRange>;
  /** Whether there may be any: most vehicles have none, and then a commit asks nothing of this table. */
  #isUsed: boolean;

  constructor(database: Database.Database) {
    this.#include = database.prepare(
      `INSERT INTO past VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        first = min(first, excluded.first), last = max(last, excluded.last), records = records + excluded.records`,
    );
    this.#remove = database.prepare("UPDATE past SET records = records - 1 WHERE epoch = ? AND stream = ?");
    const noted = (table: string): string =>
      `EXISTS (SELECT 1 FROM ${table} AS noted WHERE noted.epoch = past.epoch AND noted.stream = past.stream)`;
    this.#prune = database.prepare(
      `DELETE FROM past WHERE records = 0 AND NOT ${noted("losses")} AND NOT ${noted("reports")}
        AND NOT ${noted("missing")} AND NOT ${noted("carried")}`,
    );
    this.#list = database.prepare("SELECT epoch, stream, first, last FROM past ORDER BY epoch, stream");
    this.#isUsed = this.#list.all().length > 0;
  }

  /** Seqs of an earlier epoch are owed; `records` of them are stored. */
  include({ epoch, stream, first, last }: OwedRange, records: number): void {
    this.#isUsed = true;
    this.#include.run(epoch, stream, first, last, records);
  }

  /** A record of an earlier epoch is stored no longer. */
  remove(epoch: number, stream: number): void {
    this.#remove.run(epoch, stream);
  }

  /** Forgets what is settled. */
  prune(): void {
    if (this.#isUsed) this.#prune.run();
  }

  list(): readonly OwedRange[] {
    return this.#isUsed ? this.#list.all() : [];
  }
}

/** Makes everything that is stored or noted of `epoch` part of `past`, each stream up to at least its `last_seq`. */
export function endEpoch(database: Database.Database, epoch: number): void {
  database
    .prepare<[number, number, number, number]>(
      `INSERT INTO past
        SELECT ?, stream, min(first), max(last), sum(records) FROM (
          SELECT stream, seq AS first, seq AS last, 1 AS records FROM records WHERE epoch = ?
          UNION ALL SELECT stream, first, last, 0 FROM losses WHERE epoch = ?
          UNION ALL SELECT stream, first, last, 0 FROM reports WHERE epoch = ?)
        GROUP BY stream`,
    )
    .run(epoch, epoch, epoch, epoch);
  database.exec(
    `UPDATE past SET last = max(last, (SELECT last_seq FROM streams WHERE streams.stream = past.stream))
      WHERE epoch = (SELECT epoch FROM outbox)`,
  );
}
