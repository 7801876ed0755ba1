import type Database from "better-sqlite3";
import { isBelievable } from "../../core/clock.ts";
import { boottimeUsOf } from "../../telemetry/record/read/correct-times.ts";
import { type Anchor, isOfBoot } from "../store/clock-offsets.ts";
import type { Delivery } from "../store/delivery.ts";
import type { CommitOutcome, RefusedDelivery } from "../store/sink.ts";
import type { AccountTable, OpenAccounts } from "./account-table.ts";
import type { ClockTable } from "./clock-table.ts";
import type { PartTable } from "./part-table.ts";

type Insert = [
  thing: string,
  epoch: number,
  stream: string,
  seq: number,
  bootId: string,
  monotonicUs: number,
  wallUs: number,
  quality: string,
  tableId: string | null,
  samples: number,
  receivedUs: number,
  notBeforeUs: number,
  payload: Uint8Array,
  topic: string | null,
];

export type StagingParts = {
  readonly database: Database.Database;
  readonly accounts: AccountTable;
  readonly clocks: ClockTable;
  readonly parts: PartTable;
  readonly waits: {
    /** Longest that a record is staged alone, and that one waits for a better clock, µs. */
    readonly rollUs: number;
    readonly clockUs: number;
  };
};

/** What a batch came to. */
export type Staged = CommitOutcome & { readonly samples: number; readonly bytes: number };

/** Takes batches: ids, losses, clocks, tables and payloads in one transaction. */
export class Staging {
  readonly #parts: StagingParts;
  readonly #insert: Database.Statement<Insert>;
  readonly #release: Database.Statement<[thing: string, bootId: string]>;
  readonly #releaseTable: Database.Statement<[thing: string, tableId: string]>;
  readonly #backlog: Database.Statement<
    [thing: string, samples: number, bytes: number, receivedUs: number, dueUs: number]
  >;

  constructor(parts: StagingParts) {
    const { database } = parts;
    this.#parts = parts;
    this.#insert = database.prepare(
      `INSERT INTO staged (thing, epoch, stream, seq, boot_id, monotonic_us, wall_us, quality, table_id, samples, received_us,
       not_before_us, payload, topic) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#release = database.prepare("UPDATE staged SET not_before_us = 0 WHERE thing = ? AND boot_id = ?");
    this.#releaseTable = database.prepare("UPDATE staged SET not_before_us = 0 WHERE thing = ? AND table_id = ?");
    this.#backlog = database.prepare(
      `INSERT INTO backlog (thing, records, samples, bytes, oldest_us, due_us) VALUES (?, 1, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET records = records + 1, samples = samples + excluded.samples, bytes = bytes + excluded.bytes,
       oldest_us = min(oldest_us, excluded.oldest_us), due_us = min(due_us, excluded.due_us)`,
    );
  }

  /** For use in a transaction. */
  take(batch: readonly Delivery[]): Staged {
    const accounts = this.#parts.accounts.open();
    const refused: RefusedDelivery[] = [];
    let [written, repeats, samples, bytes] = [0, 0, 0, 0];
    for (const delivery of batch) {
      const outcome = this.#takeOne(delivery, accounts);
      if (outcome === "known") repeats += 1;
      else if ("reason" in outcome) refused.push({ delivery, ...outcome });
      else {
        written += 1;
        samples += outcome.samples;
        bytes += delivery.payload.length;
      }
    }
    accounts.save();
    return { written, repeats, refused, samples, bytes };
  }

  #takeOne(
    delivery: Delivery,
    accounts: OpenAccounts,
  ): { readonly samples: number } | "known" | Omit<RefusedDelivery, "delivery"> {
    const { record, receivedUs, table } = delivery;
    const { thing, epoch, stream, body } = record;
    const account = accounts.of(thing, epoch, stream);
    if (account.has(record.seq)) return "known";
    if (body.kind === "table" && this.#parts.parts.add(thing, body) === undefined) {
      return { reason: "too-many-parts", detail: `${thing} has more parts of signal tables than are remembered` };
    }
    const outcome = account.take(record, receivedUs);
    if (outcome === "full") {
      return { reason: "too-many-gaps", detail: `${thing} ${epoch} ${stream} has more gaps than are remembered` };
    }
    if (table !== undefined) this.#parts.parts.ensure(thing, table);
    if (body.kind === "loss") accounts.of(thing, body.epoch, body.stream).lose(body);
    if (body.kind === "table") this.#releaseTable.run(thing, body.id);
    const samples = samplesIn(delivery);
    this.#stage(delivery, samples, this.#bestClock(delivery));
    return { samples };
  }

  /** The best clock of the boot, this record's among them; undefined where it is of none. */
  #bestClock({ record }: Delivery): Anchor | undefined {
    const { thing, bootId, anchor } = record;
    if (!isOfBoot(record)) return undefined;
    const best = this.#parts.clocks.learn(thing, bootId, anchor);
    if (best === anchor && isBelievable(best.quality)) this.#release.run(thing, bootId);
    return best;
  }

  #stage(delivery: Delivery, samples: number, clock: Anchor | undefined): void {
    const { record, payload, receivedUs } = delivery;
    const { thing, epoch, stream, seq, bootId, anchor, body } = record;
    const { rollUs, clockUs } = this.#parts.waits;
    const isUnset = clock !== undefined && !isBelievable(clock.quality);
    const notBeforeUs = isUnset ? receivedUs + clockUs : 0;
    const table = body.kind === "samples" ? body.table : null;
    const { wallUs, quality } = anchor;
    this.#insert.run(
      thing,
      epoch,
      stream,
      seq,
      bootId,
      boottimeUsOf(anchor),
      wallUs,
      quality,
      table,
      samples,
      receivedUs,
      notBeforeUs,
      payload,
      body.kind === "foreign" ? body.topic : null,
    );
    this.#backlog.run(thing, samples, payload.length, receivedUs, Math.max(receivedUs + rollUs, notBeforeUs));
  }
}

/** Samples of a record; 0 of one of another kind. */
function samplesIn({ record: { body } }: Delivery): number {
  if (body.kind === "rows") return body.rows.length;
  return body.kind === "samples" ? body.columns.reduce((sum, { raws }) => sum + raws.length, 0) : 0;
}
