import type Database from "better-sqlite3";
import { CONTROL_SHARE } from "../../../agent/ports/outbox.ts";
import { CONTROL_CODE } from "./codes.ts";
import { type OldestLook, OldestSeqs } from "./oldest-seq.ts";

/** What the `streams` table keeps of one stream; see `StreamStats`. */
export type StreamTotals = {
  lastSeq: number;
  /** Highest row any record of the stream ever had. */
  lastRow: number;
  /** Not above any seq of this epoch that waits, or is lost and its loss not delivered; 0 when all are settled. Bounds what a damage may cost. */
  oldestSeq: number;
  records: number;
  dead: number;
  bytes: number;
  lost: number;
  /** In memory alone. */
  look: OldestLook;
};

type StreamRow = {
  readonly last_seq: number;
  readonly last_row: number;
  readonly oldest_seq: number;
  readonly records: number;
  readonly dead: number;
  readonly bytes: number;
  readonly lost: number;
};
type StreamValues = [
  lastSeq: number,
  lastRow: number,
  oldestSeq: number,
  records: number,
  dead: number,
  bytes: number,
  lost: number,
  stream: number,
];

/** The totals of every stream, by stream code. */
export function readTotals(database: Database.Database): StreamTotals[] {
  const rows = database.prepare<[], StreamRow>("SELECT * FROM streams ORDER BY stream").all();
  return rows.map((row) => ({
    lastSeq: row.last_seq,
    lastRow: row.last_row,
    oldestSeq: row.oldest_seq,
    records: row.records,
    dead: row.dead,
    bytes: row.bytes,
    lost: row.lost,
    look: { passedRow: 0, writtenSeq: row.last_seq },
  }));
}

/** Prepares the write of one stream's totals, for use inside the transaction that changed its records. */
export function prepareWriteTotals(database: Database.Database): (stream: number, totals: StreamTotals) => void {
  const update = database.prepare<StreamValues>(
    `UPDATE streams SET last_seq = ?, last_row = ?, oldest_seq = ?, records = ?, dead = ?, bytes = ?, lost = ? WHERE stream = ?`,
  );
  const oldest = new OldestSeqs(database);
  return (stream, totals) => {
    totals.oldestSeq = oldest.find(stream, totals);
    const { lastSeq, lastRow, records, dead, bytes, lost } = totals;
    update.run(lastSeq, lastRow, totals.oldestSeq, records, dead, bytes, lost, stream);
  };
}

/** Bytes that must go before `bytes` more of `stream` are within the bound; 0 or less when they fit. */
export function missingBytes(totals: readonly StreamTotals[], stream: number, bytes: number, maxBytes: number): number {
  const all = bytesFrom(totals, 0);
  const overAll = all + bytes - maxBytes;
  if (stream === CONTROL_CODE) return overAll;
  const shared = bytesFrom(totals, CONTROL_CODE + 1);
  return Math.max(overAll, shared + bytes - Math.floor(maxBytes * (1 - CONTROL_SHARE)));
}

/** Payload bytes of the streams with code `lowest` and above, that is of this class and the lower ones. */
export function bytesFrom(totals: readonly StreamTotals[], lowest: number): number {
  return totals.reduce((sum, stream, code) => (code >= lowest ? sum + stream.bytes : sum), 0);
}
