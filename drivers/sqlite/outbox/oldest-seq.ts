import type Database from "better-sqlite3";

/**
 * Rows that one commit looks at on the way to the oldest record of this epoch. What an earlier epoch left comes before it, a million records
 * perhaps, and which epoch a record is of is in no index: this bounds the pause.
 */
export const LOOK_ROWS = 256;

/** How far the look for the oldest record of a stream has come. */
export type OldestLook = {
  /** No record of this epoch waits at this row or below. */
  passedRow: number;
  /** `lastSeq` when the totals were written last. */
  writtenSeq: number;
};

/** What is known of a stream when the look begins. */
type LookedAt = { readonly oldestSeq: number; readonly lastSeq: number; readonly look: OldestLook };

/** Finds what `StreamTotals.oldestSeq` promises, for use inside the transaction that changed the records. */
export class OldestSeqs {
  readonly #waiting: Database.Statement<[stream: number, passedRow: number], [row: number, seq: number]>;
  readonly #passed: Database.Statement<[stream: number, passedRow: number], [count: number, lastRow: number | null]>;
  readonly #lost: Database.Statement<[stream: number, stream: number], (number | null)[]>;

  constructor(database: Database.Database) {
    // A number in the text: a statement that looks it up takes three times as long, at every commit.
    const epoch = database.prepare<[], number>("SELECT epoch FROM outbox").pluck().get() ?? 0;
    const next = (columns: string): string =>
      `(SELECT ${columns} FROM records WHERE dead = 0 AND stream = ? AND row > ? ORDER BY row LIMIT ${LOOK_ROWS})`;
    this.#waiting = database
      .prepare<[number, number], [number, number]>(
        `SELECT row, coalesce(thinned_from, seq) FROM ${next("row, epoch, seq, thinned_from")} WHERE epoch = ${epoch} LIMIT 1`,
      )
      .raw();
    this.#passed = database
      .prepare<[number, number], [number, number | null]>(`SELECT count(*), max(row) FROM ${next("row")}`)
      .raw();
    const first = (table: string): string => `(SELECT min(first) FROM ${table} WHERE stream = ? AND epoch = ${epoch})`;
    this.#lost = database
      .prepare<[number, number], (number | null)[]>(`SELECT ${first("losses")}, ${first("reports")}`)
      .raw();
  }

  /** Not above the lowest seq of this epoch that a stream owes, and that seq once the look has come to it; 0 when it owes nothing. */
  find(stream: number, totals: LookedAt): number {
    const lost = (this.#lost.get(stream, stream) ?? []).filter((seq) => seq !== null);
    const waiting = this.#oldestWaiting(stream, totals);
    totals.look.writtenSeq = totals.lastSeq;
    const all = waiting === undefined ? lost : [...lost, waiting];
    return all.length === 0 ? 0 : Math.min(...all);
  }

  #oldestWaiting(stream: number, { oldestSeq, lastSeq, look }: LookedAt): number | undefined {
    const found = this.#waiting.get(stream, look.passedRow);
    if (found !== undefined) {
      look.passedRow = found[0] - 1;
      return found[1];
    }
    const [count, lastRow] = this.#passed.get(stream, look.passedRow) ?? [0, null];
    look.passedRow = lastRow ?? look.passedRow;
    if (count < LOOK_ROWS) return undefined;
    // Not there yet: no seq that is owed is below what was owed before, or below what has been given out since.
    const owed = oldestSeq > 0 ? oldestSeq : look.writtenSeq + 1;
    return owed > lastSeq ? undefined : owed;
  }
}
