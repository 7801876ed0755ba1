import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { type Anchor, betterAnchor, type ClockShift, isOfBoot, shiftOf } from "../store/clock-offsets.ts";
import type { Delivery } from "../store/delivery.ts";
import type { RecordTable } from "../store/record-table.ts";
import type { CommitOutcome, Gap, RefusedDelivery, Sink, SinkStatus } from "../store/sink.ts";
import { type AccountEntry, takenEntries } from "./account-entry.ts";
import { type AccountOwner, AccountStore } from "./account-store.ts";
import { text } from "./attributes.ts";
import { ClockStore } from "./clock-store.ts";
import { LastStore } from "./last-store.ts";
import { type LastValues, takeLast } from "./last-values.ts";
import { idOf, RecordItemMaker, type RecordItems, unfitFor } from "./record-items.ts";
import type { DynamodbSettings } from "./settings.ts";
import { createDynamoClient, DynamoTable } from "./table-client.ts";
import { TableStore } from "./table-store.ts";

/** What a sink needs beside its settings. */
export type DynamodbSinkParts = {
  readonly clock: Pick<Clock, "wallUs" | "sleep">;
  readonly log: Log;
  readonly reader: RecordReader;
  /** Names the worker; two that run at one time have two names, and one has the same after a restart. */
  readonly worker: string;
  readonly random: () => number;
};

const INDEX = "by-time";
const DAY_S = 86_400;
/** Requests at one time. */
const PARALLEL = 32;

type Fresh = { readonly delivery: Delivery; readonly items: RecordItems };

/** Opens the store. Throws `config.invalid` where a table has other keys, and `store.unavailable` where it cannot be looked at. */
export async function openDynamodbSink(settings: DynamodbSettings, parts: DynamodbSinkParts): Promise<Sink> {
  const client = createDynamoClient(settings);
  try {
    const records = new DynamoTable(client, settings.recordsTable);
    const state = new DynamoTable(client, settings.stateTable);
    await records.check(["thing", "id"], INDEX);
    await state.check(["thing", "fact"]);
    return new DynamodbSink(settings, parts, { client, records, state });
  } catch (thrown) {
    client.destroy();
    throw thrown;
  }
}

type Store = { readonly client: DynamoDBClient; readonly records: DynamoTable; readonly state: DynamoTable };

/**
 * Records in DynamoDB. The item of a record is its rows and its id in one, and its put on condition that there is none is the step that
 * makes it durable. A batch is put record by record; around that stands what may be done twice:
 *
 * - before: parts of tables, losses, clocks. Whoever finds the record finds these.
 * - after: seqs that have come, last known values. A worker that dies in between leaves a gap that is none, until the delivery
 *   comes again, which it does, as nothing was acknowledged: for a repeat both are written as for a new record.
 */
class DynamodbSink implements Sink {
  readonly #settings: DynamodbSettings;
  readonly #log: Log;
  /** No other opening of a sink has it: a put that was done, but whose answer was lost, is known by it. */
  readonly #writer: string;
  readonly #store: Store;
  readonly #accounts: AccountStore;
  readonly #clocks: ClockStore;
  readonly #tables: TableStore;
  readonly #last: LastStore;
  readonly #maker = new RecordItemMaker();
  #puts = 0;
  #counts = { records: 0, repeats: 0, samples: 0, bytes: 0 };
  #committing: Promise<unknown> = Promise.resolve();

  constructor(settings: DynamodbSettings, { clock, log, reader, worker, random }: DynamodbSinkParts, store: Store) {
    this.#settings = settings;
    this.#log = log;
    this.#writer = `${worker}.${clock.wallUs().toString(36)}`;
    this.#store = store;
    this.#accounts = new AccountStore(store.state);
    this.#clocks = new ClockStore(store.state);
    this.#tables = new TableStore(store.state, reader);
    this.#last = new LastStore({ table: store.state, worker, clock, random });
  }

  commit(batch: readonly Delivery[]): Promise<CommitOutcome> {
    const outcome = this.#commit(batch);
    this.#committing = outcome.catch(() => undefined);
    return outcome;
  }

  table(thing: string, id: string): Promise<RecordTable | undefined> {
    return this.#tables.read(thing, id);
  }

  gaps(nowUs: number, graceMs: number): AsyncIterable<Gap> {
    return this.#accounts.gaps(nowUs - graceMs * 1000);
  }

  status(): SinkStatus {
    return { ...this.#counts, oldestStagedUs: undefined };
  }

  async close(): Promise<void> {
    await this.#committing;
    this.#store.client.destroy();
  }

  async #commit(batch: readonly Delivery[]): Promise<CommitOutcome> {
    const { fit, refused } = judged(batch);
    const distinct = [...new Map(fit.map((delivery) => [keyOf(delivery), delivery])).values()];
    const clocks = await this.#before(distinct);
    const fresh: Fresh[] = [];
    for (const delivery of distinct) {
      const items = this.#maker.make(delivery, shiftIn(clocks, delivery), this.#recordEnd(delivery));
      if ("reason" in items) refused.push({ delivery, ...items });
      else fresh.push({ delivery, items });
    }
    const isNew = await inParallel(fresh, ({ items }) => this.#put(items));
    await this.#after(fresh);
    const written = fresh.filter((_, at) => isNew[at]);
    const repeats = batch.length - written.length - refused.length;
    this.#count(written, repeats);
    return { written: written.length, repeats, refused };
  }

  async #before(batch: readonly Delivery[]): Promise<ReadonlyMap<string, Anchor>> {
    const { clocks, losses } = factsIn(batch);
    await inParallel(batch, async (delivery) => {
      const { thing, body } = delivery.record;
      if (body.kind === "table") await this.#tables.save(thing, body, delivery.payload, this.#stateEnd(delivery));
    });
    await inParallel([...losses.values()], ({ owner, entries, delivery }) =>
      this.#accounts.add(owner, entries, this.#stateEnd(delivery)),
    );
    const best = await inParallel([...clocks], async ([boot, { anchor, delivery }]) => {
      const { thing, bootId } = delivery.record;
      return [boot, await this.#clocks.enter(thing, bootId, anchor, this.#stateEnd(delivery))] as const;
    });
    return new Map(best);
  }

  /** Whether it is new. */
  async #put({ head, parts }: RecordItems): Promise<boolean> {
    for (const part of parts) await this.#store.records.put(part);
    this.#puts += 1;
    const writer = text(`${this.#writer}.${this.#puts.toString(36)}`);
    const expression = "attribute_not_exists(thing) OR writer = :writer";
    return this.#store.records.put({ ...head, writer }, { expression, values: { ":writer": writer } });
  }

  async #after(batch: readonly Fresh[]): Promise<void> {
    const streams = Map.groupBy(batch, ({ delivery }) => streamOf(delivery));
    await inParallel([...streams.values()], ([first, ...others]) => {
      const taken = [first, ...others].map(({ delivery: { record, receivedUs } }) => {
        return { seq: record.seq, receivedUs, isTable: record.body.kind === "table", standsFor: record.thinned?.seqs };
      });
      return this.#accounts.add(first.delivery.record, takenEntries(taken), this.#stateEnd(first.delivery));
    });
    if (this.#settings.lastKnown) await this.#enterLast(batch);
  }

  async #enterLast(batch: readonly Fresh[]): Promise<void> {
    let dropped = -this.#last.dropped;
    const things = Map.groupBy(batch, ({ delivery }) => delivery.record.thing);
    const entries = [...things].flatMap(([thing, deliveries]) => {
      const buses = new Map<string, LastValues>();
      for (const { items, delivery } of deliveries) dropped += takeLast(buses, items.batch, delivery.receivedUs);
      return [...buses].map(([bus, values]) => ({ thing, bus, values, end: this.#stateEnd(deliveries[0].delivery) }));
    });
    await inParallel(entries, ({ thing, bus, values, end }) => this.#last.enter(thing, bus, values, end));
    dropped += this.#last.dropped;
    if (dropped > 0) this.#log.warn("store.last-values-dropped", { values: dropped });
  }

  #count(written: readonly Fresh[], more: number): void {
    const { records, repeats, samples, bytes } = this.#counts;
    this.#counts = {
      records: records + written.length,
      repeats: repeats + more,
      samples: samples + written.reduce((sum, { items }) => sum + items.batch.rows, 0),
      bytes: bytes + written.reduce((sum, { items }) => sum + items.bytes, 0),
    };
  }

  #recordEnd({ receivedUs }: Delivery): number {
    return Math.floor(receivedUs / 1e6) + this.#settings.keepDays * DAY_S;
  }

  #stateEnd({ receivedUs }: Delivery): number {
    return Math.floor(receivedUs / 1e6) + this.#settings.stateDays * DAY_S;
  }
}

function judged(batch: readonly Delivery[]): {
  readonly fit: readonly Delivery[];
  readonly refused: RefusedDelivery[];
} {
  const refused: RefusedDelivery[] = [];
  const fit = batch.filter((delivery) => {
    const unfit = unfitFor(delivery);
    if (unfit !== undefined) refused.push({ delivery, ...unfit });
    return unfit === undefined;
  });
  return { fit, refused };
}

type Told = { readonly owner: AccountOwner; readonly entries: AccountEntry[]; readonly delivery: Delivery };

/** What the records of a batch say about others: the best anchor of each boot, and losses by stream. */
function factsIn(batch: readonly Delivery[]): {
  readonly clocks: ReadonlyMap<string, { readonly anchor: Anchor; readonly delivery: Delivery }>;
  readonly losses: ReadonlyMap<string, Told>;
} {
  const clocks = new Map<string, { anchor: Anchor; delivery: Delivery }>();
  const losses = new Map<string, Told>();
  for (const delivery of batch) {
    const { anchor, thing, body } = delivery.record;
    const known = clocks.get(bootOf(delivery))?.anchor;
    const better = known === undefined ? anchor : betterAnchor(known, anchor);
    if (isOfBoot(delivery.record)) clocks.set(bootOf(delivery), { anchor: better, delivery });
    if (body.kind !== "loss") continue;
    const { epoch, stream, first, last, thinned } = body;
    const key = `${thing} ${epoch} ${stream}`;
    const told = losses.get(key) ?? { owner: { thing, epoch, stream }, entries: [], delivery };
    losses.set(key, told);
    told.entries.push({
      kind: "lost",
      first,
      last,
      kept: thinned && { first: thinned.keptFirst, last: thinned.keptLast },
    });
  }
  return { clocks, losses };
}

function shiftIn(clocks: ReadonlyMap<string, Anchor>, delivery: Delivery): ClockShift {
  return shiftOf(delivery.record.anchor, clocks.get(bootOf(delivery)));
}

function bootOf({ record: { thing, bootId } }: Delivery): string {
  return `${thing} ${bootId}`;
}

function streamOf({ record: { thing, epoch, stream } }: Delivery): string {
  return `${thing} ${epoch} ${stream}`;
}

function keyOf({ record }: Delivery): string {
  return `${record.thing} ${idOf(record)}`;
}

/** Does all of them, a few at a time; when one fails no other is begun, and those under way are waited for. */
async function inParallel<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    while (next < all.length && !hasFailed) {
      const at = next;
      next += 1;
      try {
        results[at] = await act(all[at]);
      } catch (thrown) {
        hasFailed = true;
        throw thrown;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL, all.length) }, lane));
  for (const one of lanes) if (one.status === "rejected") throw one.reason;
  return results;
}
