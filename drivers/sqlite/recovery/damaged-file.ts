import Database from "better-sqlite3";
import { repairHeader } from "../header.ts";
import { STREAM_COUNT } from "../outbox/codes.ts";
import { isSoundKept, type KeptRow } from "../outbox/kept.ts";
import { isSoundLoss, type LossRow } from "../outbox/losses.ts";
import type { RecordRow } from "../outbox/records.ts";
import { hasSoundColumns, hasSoundPayload } from "../outbox/seal.ts";
import type { OwedRange } from "./watermark.ts";

/** Bounds of one look into the file. */
const ROWS = 64;
const PROBES = 256;
const BYTES = 262_144;

/** Whole records in the order of their rows, and the row to go on at. */
export type Found = { readonly records: readonly RecordRow[]; readonly nextRow: number };

/** An outbox database that was set aside, of which every look takes what can be read, and nothing is believed that is not whole. Never throws. */
export class DamagedFile {
  readonly #database: Database.Database | undefined;

  /** A header that SQLite cannot use is replaced. */
  constructor(file: string) {
    this.#database =
      openReadable(file) ??
      attempt(() => {
        repairHeader(file);
        return openReadable(file);
      });
  }

  /** Its epoch; undefined where that cannot be read. */
  epoch(): number | undefined {
    return this.#all<{ readonly epoch: number }>("SELECT epoch FROM outbox")[0]?.epoch;
  }

  /** What the file says that it owes. */
  owed(): readonly OwedRange[] {
    return [
      ...this.#all<OwedRange>(
        "SELECT epoch, stream, oldest_seq AS first, last_seq AS last FROM outbox, streams WHERE oldest_seq > 0",
      ),
      ...this.#all<OwedRange>("SELECT epoch, stream, first, last FROM past"),
    ].filter(isRange);
  }

  /** Whether it can be read what the file owes, so that nothing missing of it means that nothing was lost. */
  get saysWhatItOwes(): boolean {
    const [streams] = this.#all<{ readonly count: number }>("SELECT count(*) AS count FROM streams");
    const [past] = this.#all<{ readonly count: number }>("SELECT count(*) AS count FROM past");
    return this.epoch() !== undefined && streams?.count === STREAM_COUNT && past !== undefined;
  }

  /** Losses that were noted, and those that a record reports, with its row as `id`. */
  losses(table: "losses" | "reports" | "carried"): readonly LossRow[] {
    const id = table === "losses" ? "id" : "row AS id";
    return this.#all<LossRow>(`SELECT ${id}, * FROM ${table}`).filter(
      (loss) => isRange(loss) && isSoundLoss(loss, table === "losses" ? 0 : loss.id),
    );
  }

  /** What was kept beside the records. */
  kept(): readonly KeptRow[] {
    return this.#all<KeptRow>("SELECT * FROM kept").filter(isSoundKept);
  }

  /** Salvages that this file itself had not ended. */
  salvages(): readonly { readonly file: string; readonly next_row: number; readonly last_row: number }[] {
    return this.#all("SELECT file, next_row, last_row FROM salvages ORDER BY id");
  }

  /** Highest row in the file; 0 when that cannot be read. */
  lastRow(): number {
    const [row] = this.#all<{ readonly row: number | null }>("SELECT max(row) AS row FROM records NOT INDEXED");
    return row?.row ?? 0;
  }

  /** Some records from `fromRow` up to `lastRow`. Where a page of theirs cannot be read they are looked for one by one. */
  records(fromRow: number, lastRow: number): Found {
    const records: RecordRow[] = [];
    let nextRow = fromRow;
    let bytes = 0;
    const isRead = this.#walk(fromRow, lastRow, (record) => {
      nextRow = record.row + 1;
      bytes += record.payload.length;
      if (isWhole(record)) records.push(record);
      return bytes < BYTES;
    });
    if (isRead === "ended") return { records, nextRow: lastRow + 1 };
    return isRead === "some" || nextRow > fromRow ? { records, nextRow } : this.#probe(fromRow, lastRow);
  }

  close(): void {
    attempt(() => this.#database?.close());
  }

  /** "ended": there are no more rows up to `lastRow`. */
  #walk(fromRow: number, lastRow: number, take: (record: RecordRow) => boolean): "some" | "ended" | "unreadable" {
    const walked = attempt(() => {
      const sql = "SELECT * FROM records NOT INDEXED WHERE row BETWEEN ? AND ? ORDER BY row LIMIT ?";
      const rows =
        this.#database?.prepare<[number, number, number], RecordRow>(sql).iterate(fromRow, lastRow, ROWS) ?? [];
      let count = 0;
      for (const row of rows) {
        count += 1;
        if (!take(row)) return "some";
      }
      return count < ROWS ? "ended" : "some";
    });
    return walked ?? "unreadable";
  }

  #probe(fromRow: number, lastRow: number): Found {
    const endRow = Math.min(lastRow + 1, fromRow + PROBES);
    const records: RecordRow[] = [];
    for (let row = fromRow; row < endRow && records.length < ROWS; row += 1) {
      const record = attempt(() =>
        this.#database?.prepare<[number], RecordRow>("SELECT * FROM records WHERE row = ?").get(row),
      );
      if (record !== undefined && isWhole(record)) records.push(record);
      if (records.length === ROWS) return { records, nextRow: row + 1 };
    }
    return { records, nextRow: endRow };
  }

  #all<T>(sql: string): readonly T[] {
    return attempt(() => this.#database?.prepare<[], T>(sql).all()) ?? [];
  }
}

/** The file, where at least its tables can be found. */
function openReadable(file: string): Database.Database | undefined {
  const database = attempt(() => new Database(file, { timeout: 0, fileMustExist: true }));
  if (database === undefined) return undefined;
  const isReadable = attempt(() => {
    database.pragma("locking_mode = EXCLUSIVE");
    return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'records'").get();
  });
  if (isReadable !== undefined) return database;
  attempt(() => database.close());
  return undefined;
}

function isWhole(record: RecordRow): boolean {
  if (!hasSoundColumns(record)) return false;
  const { epoch, stream, seq, payload } = record;
  const isId = isSeq(epoch) && isSeq(seq) && stream >= 0 && stream < STREAM_COUNT;
  return isId && payload instanceof Uint8Array && hasSoundPayload(record);
}

function isRange({ epoch, stream, first, last }: OwedRange): boolean {
  return isSeq(epoch) && isSeq(first) && isSeq(last) && stream >= 0 && stream < STREAM_COUNT && first <= last;
}

function isSeq(value: number | null): boolean {
  return typeof value === "number" && value > 0;
}

/** What `read` gives, or undefined where the file cannot be read: a salvage takes what there is. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
