import type Database from "better-sqlite3";
import type { ClockQuality } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { StreamName } from "../../ports/outbox.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";

/** A staged record as state.db has it. */
export type StagedRow = {
  readonly row: number;
  readonly thing: string;
  readonly epoch: number;
  readonly stream: StreamName;
  readonly seq: number;
  readonly boot_id: string;
  readonly monotonic_us: number;
  readonly wall_us: number;
  readonly quality: ClockQuality;
  readonly table_id: string | null;
  readonly samples: number;
  readonly received_us: number;
  readonly payload: Uint8Array;
  /** Of a record in the form of another cloud; null of any other. */
  readonly topic: string | null;
};

type Due = { readonly thing: string };
type Rest = { readonly received_us: number };

/** Records that no file holds yet, by thing in the order in which they came. */
export class StagedRecords {
  readonly #due: Database.Statement<[nowUs: number, samples: number], Due>;
  readonly #read: Database.Statement<[thing: string, nowUs: number, after: number], StagedRow>;
  readonly #postpone: Database.Statement<[untilUs: number, row: number]>;
  readonly #oldest: Database.Statement<[thing: string], Rest>;
  readonly #defer: Database.Statement<[dueUs: number, thing: string]>;
  readonly #drop: Database.Statement<[thing: string]>;
  readonly #less: Database.Statement<
    [records: number, samples: number, bytes: number, oldestUs: number, dueUs: number, thing: string]
  >;

  constructor(database: Database.Database) {
    this.#due = database.prepare("SELECT thing FROM backlog WHERE due_us <= ? OR samples >= ? ORDER BY due_us LIMIT 1");
    this.#read = database.prepare(
      "SELECT * FROM staged WHERE thing = ? AND roll IS NULL AND not_before_us <= ? AND row > ? ORDER BY row LIMIT 1",
    );
    this.#postpone = database.prepare("UPDATE staged SET not_before_us = ? WHERE row = ?");
    this.#oldest = database.prepare(
      "SELECT received_us FROM staged WHERE thing = ? AND roll IS NULL ORDER BY row LIMIT 1",
    );
    this.#defer = database.prepare("UPDATE backlog SET due_us = ?, samples = 0 WHERE thing = ?");
    this.#drop = database.prepare("DELETE FROM backlog WHERE thing = ?");
    this.#less = database.prepare(
      `UPDATE backlog SET records = max(0, records - ?), samples = max(0, samples - ?), bytes = max(0, bytes - ?), oldest_us = ?,
       due_us = ? WHERE thing = ?`,
    );
  }

  /** The thing that has waited longest, of those that are due or have `samples`. */
  due(nowUs: number, samples: number): string | undefined {
    return this.#due.get(nowUs, samples)?.thing;
  }

  /** The next record of a thing after row `after` that may be written. */
  next(thing: string, nowUs: number, after: number): StagedRow | undefined {
    return this.#read.get(thing, nowUs, after);
  }

  /** Lets records wait. For use in a transaction. */
  postpone(rows: readonly number[], untilUs: number): void {
    for (const row of rows) this.#postpone.run(untilUs, row);
  }

  /** Lets a thing wait until then, however much of it is there. */
  defer(thing: string, dueUs: number): void {
    this.#defer.run(dueUs, thing);
  }

  /** Takes records off the account of a thing, and says when its others are due. For use in a transaction, after they are marked. */
  settle(
    thing: string,
    taken: { readonly records: number; readonly samples: number; readonly bytes: number },
    dueUs: number,
  ): void {
    const oldest = this.#oldest.get(thing);
    if (oldest === undefined) this.#drop.run(thing);
    else this.#less.run(taken.records, taken.samples, taken.bytes, oldest.received_us, dueUs, thing);
  }
}

/** The record of a row; undefined where its payload is no record that this version knows. One of another form is not looked into. */
export function recordIn(reader: RecordReader, row: StagedRow): DecodedRecord | undefined {
  const { thing, epoch, stream, seq, boot_id: bootId, payload, topic } = row;
  if (topic !== null) {
    const anchor = { monotonicUs: row.monotonic_us, wallUs: row.wall_us, quality: row.quality };
    return { thing, epoch, stream, seq, bootId, anchor, body: { kind: "foreign", topic, payload } };
  }
  try {
    return reader.decode(payload);
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}
