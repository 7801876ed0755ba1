import Database from "better-sqlite3";
import type { QueuedRecord, RecordState, StoredRecord, StreamName } from "../../../agent/ports/outbox.ts";
import type { OwedRange } from "../recovery/watermark.ts";
import { encodingOf, qualityOf, STREAM_COUNT, stateCode, streamCode, streamOf } from "./codes.ts";
import { PastEpochs } from "./past-epochs.ts";
import { atRest, fromRest, plainBytesOf, type RestCipher } from "./rest-cipher.ts";
import {
  hasSoundColumns,
  hasSoundPayload,
  payloadCheck,
  payloadCrcOf,
  SEALED_COLUMNS,
  type SealedColumns,
  sealOf,
} from "./seal.ts";
import { prepareWriteTotals, readTotals, type StreamTotals } from "./totals.ts";

/** The columns of `records` but for `row`, `bytes` and `crc`. Absent is null in a column. */
export type RecordColumns = Omit<SealedColumns, "row" | "bytes"> & {
  readonly payload: Uint8Array;
  /** Absent in a file of an older version. */
  readonly boot?: number | null;
  readonly stored_at_monotonic_ms?: number | null;
  readonly thin?: number | null;
  readonly thinned_from?: number | null;
  readonly route?: string | null;
};

/** A record that is about to be removed or was. */
export type RecordKey = SealedColumns & { readonly crc: number };

/** A row of the table. */
export type RecordRow = RecordColumns & { readonly row: number; readonly bytes: number; readonly crc: number };

/** A payload read back from the disk, or the key of one that the disk gave back altered. */
export type ReadRecord =
  | { readonly kind: "whole"; readonly record: QueuedRecord }
  | { readonly kind: "damaged"; readonly key: RecordKey };

/** Rows behind the one and up to the other. */
export type RowRange = { readonly after: number; readonly through: number };

/** The `records` table with the totals of its streams. Changes are for use inside a transaction that ends with `persist`. */
export class RecordTable {
  #totals: StreamTotals[];
  readonly #changed = new Set<number>();
  readonly #epoch: number;
  readonly #past: PastEpochs;
  readonly #writeTotals: (stream: number, totals: StreamTotals) => void;
  readonly #insert: Database.Statement<unknown[]>;
  readonly #delete: Database.Statement<[row: number], RecordKey>;
  readonly #key: Database.Statement<[row: number], RecordKey>;
  readonly #setAside: Database.Statement<[crc: number, row: number]>;
  readonly #toThin: Database.Statement<[epoch: number, stream: number, throughRow: number], RecordRow>;
  readonly #keepWhole: Database.Statement<[row: number]>;
  readonly #oldest: Database.Statement<[stream: number, dead: number, throughRow: number], RecordKey>;
  readonly #oldestAt: Database.Statement<[stream: number], number>;
  readonly #read: Database.Statement<
    [stream: number, dead: number, after: number, through: number, limit: number],
    RecordRow
  >;
  readonly #list: Database.Statement<[limit: number], SealedColumns>;
  readonly #listStream: Database.Statement<[stream: number, dead: number, limit: number], SealedColumns>;
  readonly #boot: number | undefined;
  readonly #cipher: RestCipher | undefined;

  /** `boot` is the present one as its column holds it; undefined where nobody asks for the age of a record. Without `cipher` payloads are stored as they are. */
  constructor(database: Database.Database, boot?: number, cipher?: RestCipher) {
    this.#boot = boot;
    this.#cipher = cipher;
    this.#totals = readTotals(database);
    this.#epoch = database.prepare<[], number>("SELECT epoch FROM outbox").pluck().get() ?? 0;
    this.#past = new PastEpochs(database);
    this.#writeTotals = prepareWriteTotals(database);
    this.#insert = database.prepare(
      `INSERT INTO records (row, epoch, stream, seq, encoding, time_quality, stored_at_us, expires_at_ms, retain_key, dead, bytes, crc, payload, boot, stored_at_monotonic_ms, thin, thinned_from, route)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#delete = database.prepare(`DELETE FROM records WHERE row = ? RETURNING ${SEALED_COLUMNS}`);
    this.#key = database.prepare(`SELECT ${SEALED_COLUMNS} FROM records WHERE row = ?`);
    this.#setAside = database.prepare("UPDATE records SET dead = 1, crc = ? WHERE row = ?");
    this.#toThin = database.prepare(
      `SELECT * FROM records INDEXED BY records_to_thin
        WHERE epoch = ? AND stream = ? AND thin IS NOT NULL AND dead = 0 AND row <= ? ORDER BY row`,
    );
    this.#keepWhole = database.prepare("UPDATE records SET thin = NULL WHERE row = ?");
    this.#oldest = database.prepare(
      `SELECT ${SEALED_COLUMNS} FROM records INDEXED BY records_by_stream WHERE stream = ? AND dead = ? AND row <= ? ORDER BY row`,
    );
    this.#oldestAt = database
      .prepare<[number], number>("SELECT stored_at_us FROM records WHERE stream = ? AND dead = 0 ORDER BY row LIMIT 1")
      .pluck();
    this.#read = database.prepare(
      "SELECT * FROM records WHERE stream = ? AND dead = ? AND row > ? AND row <= ? ORDER BY row LIMIT ?",
    );
    this.#list = database.prepare(`SELECT ${SEALED_COLUMNS} FROM records ORDER BY row LIMIT ?`);
    this.#listStream = database.prepare(
      `SELECT ${SEALED_COLUMNS} FROM records WHERE stream = ? AND dead = ? ORDER BY row LIMIT ?`,
    );
  }

  /** The totals by stream code. Replaced by every change that is undone: read them anew each time. */
  get totals(): readonly StreamTotals[] {
    return this.#totals;
  }

  /** Highest row ever assigned; 0 when none. */
  lastRow(): number {
    return Math.max(...this.#totals.map((totals) => totals.lastRow));
  }

  /** A copy of the totals, for `restore` when the transaction is undone. */
  snapshot(): readonly StreamTotals[] {
    return this.#totals.map(copyOf);
  }

  restore(snapshot: readonly StreamTotals[]): void {
    this.#totals = snapshot.map(copyOf);
    this.#changed.clear();
  }

  /** Writes the totals that changed. */
  persist(): void {
    if (this.#changed.size === 0) return;
    for (const stream of this.#changed) this.#writeTotals(stream, this.#of(stream));
    this.#past.prune();
    this.#changed.clear();
  }

  /** What every stream owes, and what is left of earlier epochs; for use after `persist`. */
  owed(): readonly OwedRange[] {
    const owed = this.#totals.map(({ oldestSeq, lastSeq }, stream) => {
      return { epoch: this.#epoch, stream, first: oldestSeq === 0 ? lastSeq + 1 : oldestSeq, last: lastSeq };
    });
    return [...owed, ...this.#past.list()];
  }

  /** Adds a record and returns its row. Its seq counts as assigned. */
  insert(columns: RecordColumns): number {
    const row = this.#add(columns);
    const totals = this.#of(columns.stream);
    totals.lastSeq = Math.max(totals.lastSeq, columns.seq);
    return row;
  }

  /** Adds a record of another database, with the id that it got there, and returns its row. What is encrypted already stays as it is. */
  insertForeign(columns: RecordColumns): number {
    const { epoch, stream, seq } = columns;
    const row = this.#add({ ...columns, thin: null });
    this.#past.include({ epoch, stream, first: seq, last: seq }, 1);
    return row;
  }

  /** Adds a record of an earlier epoch at the row that it had: a free one, not above the last. */
  insertAt(row: number, columns: RecordColumns): void {
    const { epoch, stream, seq } = columns;
    this.#put(row, { ...columns, thin: null });
    this.#past.include({ epoch, stream, first: seq, last: seq }, 1);
  }

  /** Adds the record that stands for those that were thinned, at the row of the first of them, which is free. */
  insertThinned(row: number, columns: RecordColumns): void {
    this.#put(row, columns);
    const totals = this.#of(columns.stream);
    totals.lastSeq = Math.max(totals.lastSeq, columns.seq);
  }

  /** The payload of a row; undefined where it is encrypted and cannot be opened. */
  payloadOf(row: RecordRow): Uint8Array | undefined {
    return fromRest(this.#cipher, row, row.payload);
  }

  /** Records of this epoch that may be thinned, oldest first, up to `throughRow`. The caller ends the walk. */
  toThin(stream: number, throughRow: number): IterableIterator<RecordRow> {
    return this.#toThin.iterate(this.#epoch, stream, throughRow);
  }

  /** The record at `row` is not to be thinned any more. */
  keepWhole(row: number): void {
    this.#keepWhole.run(row);
  }

  /** Seqs of an earlier epoch are owed. */
  includePast(range: OwedRange): void {
    this.#past.include(range, 0);
  }

  /** The seq that the next record of `stream` gets; its `insert` takes it. */
  nextSeq(stream: number): number {
    return this.#of(stream).lastSeq + 1;
  }

  /** Takes that seq for a record that is inserted later in the transaction. */
  assignSeq(stream: number): number {
    const totals = this.#of(stream);
    totals.lastSeq += 1;
    return totals.lastSeq;
  }

  /** Deletes the record at `row`; undefined when there is none. */
  remove(row: number): RecordKey | undefined {
    const [key] = this.#delete.all(row);
    if (key === undefined) return undefined;
    const totals = this.#of(key.stream);
    totals.bytes -= key.bytes;
    if (key.dead === 1) totals.dead -= 1;
    else totals.records -= 1;
    if (key.epoch !== this.#epoch) this.#past.remove(key.epoch, key.stream);
    return key;
  }

  /** Sets the record at `row`, which must wait, aside for good. */
  setAside(key: RecordKey): void {
    this.#setAside.run(sealOf({ ...key, dead: 1 }, payloadCrcOf(key.crc)), key.row);
    const totals = this.#of(key.stream);
    totals.records -= 1;
    totals.dead += 1;
  }

  countLost(stream: number, records: number): void {
    this.#of(stream).lost += records;
  }

  key(row: number): RecordKey | undefined {
    const key = this.#key.get(row);
    return key === undefined ? undefined : soundKey(key);
  }

  /** Records of a stream, dead or waiting, oldest first, up to `throughRow`. The caller ends the walk, and changes nothing before. */
  *oldest(stream: number, dead: 0 | 1, throughRow: number): Generator<RecordKey> {
    for (const key of this.#oldest.iterate(stream, dead, throughRow)) yield soundKey(key);
  }

  /** When the oldest record that waits was stored, µs since the Unix epoch. */
  oldestUs(stream: number): number | undefined {
    return this.#oldestAt.get(stream);
  }

  /** Records of a stream, dead or waiting, as `Outbox.read` promises them, and the damaged ones that it met. */
  *read(stream: StreamName, state: RecordState, rows: RowRange, limit: number): Generator<ReadRecord> {
    for (const row of this.#read.iterate(streamCode(stream), stateCode(state), rows.after, rows.through, limit)) {
      const payload = hasSoundPayload(soundKey(row)) ? this.payloadOf(row) : undefined;
      yield payload === undefined
        ? { kind: "damaged", key: row }
        : { kind: "whole", record: outgoingOf(row, payload, this.#boot) };
    }
  }

  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[] {
    const rows = stream === undefined ? this.#list.all(limit) : this.#ofStream(streamCode(stream), limit);
    return rows.map((row) => ({
      row: row.row,
      epoch: row.epoch,
      stream: streamOf(row.stream),
      seq: row.seq,
      bytes: row.bytes,
      encoding: encodingOf(row.encoding),
      storedAtUs: row.stored_at_us,
      dead: row.dead === 1,
    }));
  }

  /** Two walks of the index, waiting and dead, instead of sorting the whole stream by row. */
  #ofStream(stream: number, limit: number): readonly SealedColumns[] {
    const rows = [...this.#listStream.all(stream, 0, limit), ...this.#listStream.all(stream, 1, limit)];
    return rows.sort((left, right) => left.row - right.row).slice(0, limit);
  }

  #add(columns: RecordColumns): number {
    const row = this.lastRow() + 1;
    this.#put(row, columns);
    this.#of(columns.stream).lastRow = row;
    return row;
  }

  #put(row: number, columns: RecordColumns): void {
    const { epoch, stream, seq, encoding, time_quality, stored_at_us, expires_at_ms, retain_key, dead } = columns;
    const bytes = plainBytesOf(columns.payload);
    const payload = atRest(this.#cipher, columns, columns.payload);
    this.#insert.run(
      row,
      epoch,
      stream,
      seq,
      encoding,
      time_quality,
      stored_at_us,
      expires_at_ms,
      retain_key,
      dead,
      bytes,
      sealOf({ ...columns, row, bytes }, payloadCheck({ payload, route: columns.route ?? null })),
      payload,
      columns.boot ?? null,
      columns.stored_at_monotonic_ms ?? null,
      columns.thin ?? null,
      columns.thinned_from ?? null,
      columns.route ?? null,
    );
    const totals = this.#of(stream);
    totals.bytes += bytes;
    if (dead === 1) totals.dead += 1;
    else totals.records += 1;
  }

  #of(stream: number): StreamTotals {
    const totals = this.#totals[stream];
    if (totals === undefined) throw new RangeError(`stream code ${stream} is not below ${STREAM_COUNT}`);
    this.#changed.add(stream);
    return totals;
  }
}

function copyOf(totals: StreamTotals): StreamTotals {
  return { ...totals, look: { ...totals.look } };
}

/** `key`, unless its columns changed on the disk: then its id cannot be known, and the file is damaged. */
function soundKey<T extends RecordKey>(key: T): T {
  if (hasSoundColumns(key)) return key;
  throw new Database.SqliteError(`the columns of row ${key.row} changed`, "SQLITE_CORRUPT");
}

function outgoingOf(row: RecordRow, payload: Uint8Array, boot: number | undefined): QueuedRecord {
  return {
    row: row.row,
    epoch: row.epoch,
    stream: streamOf(row.stream),
    seq: row.seq,
    encoding: encodingOf(row.encoding),
    timeQuality: qualityOf(row.time_quality),
    storedAtUs: row.stored_at_us,
    storedAtMonotonicMs: row.boot === boot ? (row.stored_at_monotonic_ms ?? undefined) : undefined,
    expiresAtMs: row.expires_at_ms ?? undefined,
    retainKey: row.retain_key ?? undefined,
    route: row.route ?? undefined,
    payload,
  };
}
