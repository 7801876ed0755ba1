import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import type { LossRange } from "../../agent/ports.ts";
import { reasonOf, streamOf } from "./codes.ts";
import { LossLedger } from "./losses.ts";
import { PastEpochs } from "./past-epochs.ts";
import type { OwedRange } from "./promises.ts";
import { noteMissing } from "./reconcile.ts";
import { type RecordColumns, RecordTable } from "./records.ts";

const ROWS_A_TRANSACTION = 64;

type SavedRow = RecordColumns & { readonly row: number; readonly bytes: number; readonly crc: number };
type LossRow = Omit<LossRange, "stream" | "reason"> & { readonly stream: number; readonly reason: number };
type ReportRow = LossRow & { readonly row: number };

/** What came over from a damaged database. */
export type Salvage = {
  readonly records: number;
  /** Records that were in the file and could not be read, as far as its own totals tell. */
  readonly damaged: number;
};

/**
 * Copies what can be read of `damagedFile` into the new database `into`, within `maxBytes`: records with their ids, oldest first,
 * and the noted losses. What cannot be read of the records that it owed (`promised`; what the file itself says when undefined) is
 * noted as lost, "damaged".
 */
export function salvage(
  damagedFile: string,
  into: Database.Database,
  maxBytes: number,
  promised: readonly OwedRange[] | undefined,
): Salvage {
  const from = attempt(() => openDamaged(damagedFile));
  try {
    const saved = copyRecords(from, into, maxBytes);
    const damaged = into
      .transaction(() => {
        copyLosses(from, into, saved);
        const owed = promised ?? owedOf(from);
        return noteMissing(
          into,
          owed.flatMap((range) => holes(knownOf(saved, range.epoch, range.stream), range)),
        );
      })
      .immediate();
    return { records: saved.count, damaged };
  } finally {
    from?.close();
  }
}

function openDamaged(file: string): Database.Database {
  const from = new Database(file, { timeout: 0 });
  from.pragma("locking_mode = EXCLUSIVE");
  return from;
}

/** Copies all records with their ids, and the noted losses, of the sound database `from` into `into`: all or, when it throws, none. */
export function takeOver(from: Database.Database, into: Database.Database): void {
  into
    .transaction(() => {
      const saved = copyRecords(from, into, Number.POSITIVE_INFINITY);
      copyLosses(from, into, saved);
    })
    .immediate();
}

type Range = { readonly first: number; readonly last: number };
type Saved = {
  count: number;
  /** New row of each old one. */
  readonly rows: Map<number, number>;
  /** Seqs that came over, as records or as losses, by `epoch/stream`. */
  readonly known: Map<string, Range[]>;
};

function copyRecords(from: Database.Database | undefined, into: Database.Database, maxBytes: number): Saved {
  const saved: Saved = { count: 0, rows: new Map(), known: new Map() };
  const byRow = attempt(() => from?.prepare<[number], SavedRow>("SELECT * FROM records WHERE row = ?"));
  if (from === undefined || byRow === undefined) return saved;
  const table = new RecordTable(into);
  let bytes = 0;
  const copySome = into.transaction((rows: readonly number[]) => {
    for (const row of rows) {
      const record = attempt(() => byRow.get(row));
      if (record === undefined || !isWhole(record) || bytes + record.payload.length > maxBytes) continue;
      bytes += record.payload.length;
      saved.rows.set(row, table.insert(record, true));
      knownOf(saved, record.epoch, record.stream).push({ first: record.seq, last: record.seq });
      saved.count += 1;
    }
    table.persist();
  });
  const rows = readableRows(from);
  for (let at = 0; at < rows.length; at += ROWS_A_TRANSACTION) {
    copySome.immediate(rows.slice(at, at + ROWS_A_TRANSACTION));
  }
  return saved;
}

/** Rows from the front up to the first unreadable page, then those from the back down to one, in ascending order. */
function readableRows(from: Database.Database): readonly number[] {
  const front: number[] = [];
  const back: number[] = [];
  collect(front, () => from.prepare<[], number>("SELECT row FROM records NOT INDEXED ORDER BY row").pluck().iterate());
  const end = front.at(-1) ?? 0;
  collect(back, () =>
    from
      .prepare<[number], number>("SELECT row FROM records NOT INDEXED WHERE row > ? ORDER BY row DESC")
      .pluck()
      .iterate(end),
  );
  return [...front, ...back.reverse()];
}

function collect(rows: number[], open: () => Iterable<number>): void {
  attempt(() => {
    for (const row of open()) rows.push(row);
  });
}

function copyLosses(from: Database.Database | undefined, into: Database.Database, saved: Saved): void {
  const ledger = new LossLedger(into);
  const past = new PastEpochs(into);
  const columns = "epoch, stream, first, last, reason, detail";
  const all = <T>(sql: string): readonly T[] => attempt(() => from?.prepare<[], T>(sql).all()) ?? [];
  const losses = all<LossRow>(`SELECT ${columns} FROM losses ORDER BY id`);
  const reports = all<ReportRow>(`SELECT row, ${columns} FROM reports`);
  for (const loss of losses) ledger.note(rangeOf(loss));
  for (const report of reports) {
    const row = saved.rows.get(report.row);
    if (row === undefined) ledger.note(rangeOf(report));
    else ledger.reported(row, rangeOf(report));
  }
  for (const range of [...losses, ...reports]) {
    knownOf(saved, range.epoch, range.stream).push(range);
    past.include(range, 0);
  }
}

/** What the file itself says that it owes; as far as it can be read. */
function owedOf(from: Database.Database | undefined): readonly OwedRange[] {
  const owed = (sql: string): readonly OwedRange[] => attempt(() => from?.prepare<[], OwedRange>(sql).all()) ?? [];
  return [
    ...owed("SELECT epoch, stream, oldest_seq AS first, last_seq AS last FROM outbox, streams WHERE oldest_seq > 0"),
    ...owed("SELECT epoch, stream, first, last FROM past"),
  ];
}

/** What of `owed` none of the known ranges covers. */
function holes(known: readonly Range[], owed: OwedRange): readonly OwedRange[] {
  const { epoch, stream, last } = owed;
  const found: OwedRange[] = [];
  let next = owed.first;
  for (const range of known.toSorted((left, right) => left.first - right.first)) {
    if (next > last) break;
    if (range.first > next) found.push({ epoch, stream, first: next, last: Math.min(range.first - 1, last) });
    next = Math.max(next, range.last + 1);
  }
  if (next <= last) found.push({ epoch, stream, first: next, last });
  return found;
}

function isWhole(record: SavedRow): boolean {
  return record.payload.length === record.bytes && crc32(record.payload) === record.crc;
}

function rangeOf(row: LossRow): LossRange {
  const { epoch, first, last, detail } = row;
  return { epoch, stream: streamOf(row.stream), first, last, reason: reasonOf(row.reason), detail };
}

function knownOf(saved: Saved, epoch: number, stream: number): Range[] {
  const key = `${epoch}/${stream}`;
  const known = saved.known.get(key);
  if (known !== undefined) return known;
  const made: Range[] = [];
  saved.known.set(key, made);
  return made;
}

/** What `read` gives, or undefined where the file cannot be read: a salvage takes what there is. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
