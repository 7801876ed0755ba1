import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beginEpoch } from "../../../../../drivers/sqlite/outbox/epoch.ts";
import { LOOK_ROWS } from "../../../../../drivers/sqlite/outbox/oldest-seq.ts";
import { type RecordColumns, RecordTable } from "../../../../../drivers/sqlite/outbox/records.ts";
import { OUTBOX_MIGRATIONS } from "../../../../../drivers/sqlite/outbox/schema.ts";

const EPOCH = 7;
const EARLIER = 3;
const TELEMETRY = 2;
const SEED = 19;

/** A database in which `count` records of an earlier epoch come before those of this one. */
function databaseWith(count: number): Database.Database {
  const database = new Database(":memory:");
  for (const sql of OUTBOX_MIGRATIONS) database.exec(sql);
  beginEpoch(database, EPOCH);
  const table = new RecordTable(database);
  for (let seq = 1; seq <= count; seq += 1) table.insertForeign(columnsOf(EARLIER, seq));
  table.persist();
  return database;
}

function columnsOf(epoch: number, seq: number): RecordColumns {
  const ids = { epoch, stream: TELEMETRY, seq };
  const times = { time_quality: 0, stored_at_us: 1, expires_at_ms: null };
  return { ...ids, ...times, encoding: 0, retain_key: null, dead: 0, payload: new Uint8Array(1) };
}

/** Stores one record of this epoch, in a commit of its own, and gives its row. */
function store(table: RecordTable): number {
  const row = table.insert(columnsOf(EPOCH, table.assignSeq(TELEMETRY)));
  table.persist();
  return row;
}

function remove(table: RecordTable, row: number): void {
  table.remove(row);
  table.persist();
}

/** What the stream owes of this epoch, from and to. */
function owed(table: RecordTable): readonly [first: number, last: number] | undefined {
  const range = table.owed().find(({ epoch, stream }) => epoch === EPOCH && stream === TELEMETRY);
  return range === undefined ? undefined : [range.first, range.last];
}

describe("the oldest seq that a stream owes", () => {
  it("is that of the oldest record, where no earlier epoch is in the way", () => {
    const table = new RecordTable(databaseWith(0));
    const [first] = [store(table), store(table), store(table)];
    expect(owed(table)).toEqual([1, 3]);
    remove(table, first);
    expect(owed(table)).toEqual([2, 3]);
    remove(table, first + 2);
    remove(table, first + 1);
    expect(owed(table)).toEqual([4, 3]);
  });

  it("is found past what an earlier epoch left in steps of a bounded number of rows, and is never told too high", () => {
    const table = new RecordTable(databaseWith(3 * LOOK_ROWS));
    const rows = Array.from({ length: 5 }, () => store(table));
    // Of these commits three have looked at the rows of the earlier epoch, each at its part.
    expect(owed(table)).toEqual([1, 5]);
    const again = new RecordTable(databaseWith(3 * LOOK_ROWS));
    const first = store(again);
    store(again);
    remove(again, first);
    // Three looks, of which none came to a record of this epoch.
    expect(owed(again)).toEqual([1, 2]);
    store(again);
    expect(owed(again)).toEqual([2, 3]);
    for (const row of rows) remove(table, row);
    expect(owed(table)).toEqual([6, 5]);
  });

  it("begins where the transaction began when that is undone", () => {
    const table = new RecordTable(databaseWith(10));
    const [first, second] = [store(table), store(table)];
    const before = table.snapshot();
    remove(table, first);
    expect(owed(table)).toEqual([2, 2]);
    table.restore(before);
    // The rows are still gone here; the outbox undoes them with the transaction.
    expect(table.snapshot()).toEqual(before);
    remove(table, second);
    expect(owed(table)).toEqual([3, 2]);
  });

  it(`is not above the lowest seq that waits, whatever comes and goes, and that seq after enough commits (seed ${SEED})`, () => {
    const steps = fc.array(fc.oneof(fc.constant("store" as const), fc.nat({ max: 50 })), { maxLength: 60 });
    const check = fc.property(steps, fc.nat({ max: 2 * LOOK_ROWS }), (all, earlier) => {
      const table = new RecordTable(databaseWith(earlier));
      const waiting = new Map<number, number>();
      const lowest = (): number => Math.min(...waiting.values(), table.nextSeq(TELEMETRY));
      for (const step of all) {
        if (step === "store") {
          const seq = table.nextSeq(TELEMETRY);
          waiting.set(store(table), seq);
        } else {
          const row = [...waiting.keys()][step % Math.max(1, waiting.size)];
          if (row === undefined) continue;
          waiting.delete(row);
          remove(table, row);
        }
        expect(owed(table)?.[0]).toBeLessThanOrEqual(lowest());
      }
      for (let commit = 0; commit < 3; commit += 1) waiting.set(store(table), table.nextSeq(TELEMETRY) - 1);
      expect(owed(table)?.[0]).toBe(lowest());
    });
    fc.assert(check, { numRuns: 60, seed: SEED });
  });
});
