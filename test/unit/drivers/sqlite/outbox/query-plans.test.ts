import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { STREAMS } from "../../../../../agent/ports/outbox.ts";
import { beginEpoch } from "../../../../../drivers/sqlite/outbox/epoch.ts";
import { OUTBOX_MIGRATIONS } from "../../../../../drivers/sqlite/outbox/schema.ts";
import { SqliteOutbox } from "../../../../../drivers/sqlite/outbox/sqlite-outbox.ts";
import { draftOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const EPOCH = 7;
const PLENTY = { level: "whole", diskHasRoom: () => true, growthBytes: () => 0 } as const;
const nothing = (): undefined => undefined;

/** An outbox that tells each statement as it is run, its values written into it. */
function tellingOutbox(maxBytes: number) {
  const statements = new Set<string>();
  let tells = false;
  const verbose = (sql?: unknown): void => {
    if (tells && /^\s*(?:SELECT|INSERT|UPDATE|DELETE)/.test(String(sql))) statements.add(String(sql));
  };
  const database = new Database(":memory:", { verbose });
  for (const sql of OUTBOX_MIGRATIONS) database.exec(sql);
  beginEpoch(database, EPOCH);
  const reserve = { ...PLENTY, hold: nothing, release: nothing, disk: nothing };
  const outbox = new SqliteOutbox({
    storage: { database, file: "memory", suspicionFile: undefined, reserve, maxFileBytes: ALL },
    epoch: EPOCH,
    maxBytes,
    bootId: undefined,
    payloads: {},
    clock: new ManualClock(),
    log: new MemoryLog(),
    watermark: () => ({ note: nothing, close: nothing }),
  });
  tells = true;
  return { outbox, database, statements };
}

/** What SQLite does for it, a line a step (sqlite.org/eqp.html). */
function planOf(database: Database.Database, sql: string): readonly string[] {
  const rows = database.prepare<[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
  return rows.map(({ detail }) => detail);
}

describe("the statements of the outbox", () => {
  it("look for records by row, or by the index of streams from one end, and sort none, so that none costs more in a large file", () => {
    const { outbox, database, statements } = tellingOutbox(4000);
    // More than there is room for, so that some are evicted; then one of each way out.
    for (let commit = 0; commit < 4; commit += 1) outbox.append(STREAMS.map((stream) => draftOf(stream, 100)));
    for (let commit = 0; commit < 40; commit += 1) outbox.append([draftOf("telemetry", 100)]);
    for (const stream of STREAMS) {
      const [first, second, third] = outbox.read(stream, 0, ALL, 10, ALL);
      if (first === undefined) continue;
      outbox.hold(first.row, first.seq);
      outbox.append([], [], [first.row]);
      if (second !== undefined) outbox.lose([second.row], "rejected", "by a test");
      if (third !== undefined) outbox.lose([third.row], "expired", "by a test");
      outbox.drop(stream, ALL, 1, "by a test");
    }
    outbox.reportLosses(() => draftOf("event", 10), 5);
    outbox.stats();
    const all = [...statements].map((sql) => ({ sql, plan: planOf(database, sql) }));
    const ofRecords = all.filter(({ plan }) => plan.some((step) => /\brecords\b/.test(step)));
    expect(ofRecords.length).toBeGreaterThan(50);
    const steps = new Set(ofRecords.flatMap(({ plan }) => plan.map((step) => step.replace(/\(SELECT.*$/, ""))));
    expect(
      [...steps].filter((step) => /SCAN records|TEMP B-TREE|records USING INTEGER PRIMARY KEY \(rowid[<>]/.test(step)),
    ).toEqual([]);
    outbox.close();
  });
});
