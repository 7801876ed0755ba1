import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type BackoffBounds, fullJitterMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { damaged, number, numberIn, text } from "./attributes.ts";
import { isNewer, type LastValue, type LastValues, lastAttribute } from "./last-values.ts";
import type { DynamoTable, Item } from "./table-client.ts";

/** Signals of a bus that are kept; the ones with the oldest values go first. An item has 400 KB at most. */
const MAX_SIGNALS = 3000;
/** Bytes that the values of a bus may have, as `sizeOf` counts. */
const MAX_BYTES = 350_000;
/** Tries until nobody else has changed the item meanwhile. Each failure is a success of whoever has the same slot, or an own one whose answer was lost. */
const MAX_TRIES = 20;
/** Before another try. */
const PAUSE: BackoffBounds = { minMs: 20, maxMs: 1000 };
/** Items that are remembered, so that they need not be read before they are written. */
const MAX_REMEMBERED = 256;

type Known = {
  readonly version: number;
  readonly signals: ReadonlyMap<string, AttributeValue>;
  /** s since the Unix epoch. */
  readonly expiresAt: number;
};

/** What a store of last known values needs. */
export type LastStoreParts = {
  readonly table: Pick<DynamoTable, "get" | "put">;
  /** Group and slot of the worker: the same after a restart, and of no other that runs, but for the moment in which a slot changes hands. */
  readonly worker: string;
  readonly clock: Pick<Clock, "sleep">;
  readonly random: () => number;
};

/**
 * Last known values: an item for each bus of a thing and worker, `last#BUS#WORKER`. So workers never wait for each other, however few the
 * vehicles are; whoever reads takes of each signal the value with the highest order (`o`, then `t`) over the items of a bus.
 *
 * An item is written whole, on condition that it is as it was read: a worker that starts goes on from what its slot had, and one whose slot
 * another has taken over hides nothing of that one's values.
 */
export class LastStore {
  readonly #table: Pick<DynamoTable, "get" | "put">;
  readonly #parts: LastStoreParts;
  readonly #known = new Map<string, Known>();
  #dropped = 0;

  constructor(parts: LastStoreParts) {
    this.#parts = parts;
    this.#table = parts.table;
  }

  /** Values that were left out since the start, as a bus has too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Enters those that are newer than what is there. `expiresAt` in s since the Unix epoch. */
  async enter(thing: string, bus: string, values: LastValues, expiresAt: number): Promise<void> {
    const key: Item = { thing: text(thing), fact: text(`last#${bus}#${this.#parts.worker}`) };
    const name = `${thing} ${bus}`;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const known = this.#known.get(name) ?? (await this.#read(key));
      const signals = this.#merged(known, values);
      if (signals === undefined) return this.#remember(name, known);
      const next = { version: known.version + 1, signals, expiresAt: Math.max(known.expiresAt, expiresAt) };
      if (await this.#write(key, known.version, next)) return this.#remember(name, next);
      this.#known.delete(name);
      await this.#parts.clock.sleep(fullJitterMs(attempt, PAUSE, this.#parts.random));
    }
    throw damaged(key, `was changed ${MAX_TRIES} times by others while it was written`);
  }

  async #read(key: Item): Promise<Known> {
    const item = await this.#table.get(key);
    if (item === undefined) return { version: 0, signals: new Map(), expiresAt: 0 };
    return {
      version: numberIn(item, "version"),
      signals: new Map(Object.entries(item.signals?.M ?? {})),
      expiresAt: numberIn(item, "expires_at"),
    };
  }

  #write(key: Item, before: number, { version, signals, expiresAt }: Known): Promise<boolean> {
    const times = [...signals.values()].map((value) => Number(value.M?.t?.N));
    const item: Item = {
      ...key,
      version: number(version),
      time_us: number(Math.max(...times)),
      signals: { M: Object.fromEntries(signals) },
      expires_at: number(expiresAt),
    };
    if (before === 0) return this.#table.put(item, { expression: "attribute_not_exists(thing)" });
    return this.#table.put(item, { expression: "version = :version", values: { ":version": number(before) } });
  }

  /** Undefined when nothing of `values` is newer. */
  #merged({ signals }: Known, values: LastValues): ReadonlyMap<string, AttributeValue> | undefined {
    const newer = [...values].filter(([name, value]) => isNewerThan(value, signals.get(name)));
    if (newer.length === 0) return undefined;
    const all = new Map(signals);
    for (const [name, value] of newer) all.set(name, lastAttribute(value));
    return this.#bounded(all);
  }

  #bounded(signals: Map<string, AttributeValue>): ReadonlyMap<string, AttributeValue> {
    let bytes = [...signals].reduce((sum, [name, value]) => sum + sizeOf(name, value), 0);
    if (signals.size <= MAX_SIGNALS && bytes <= MAX_BYTES) return signals;
    const oldest = [...signals].toSorted(([, one], [, other]) => orderOf(one) - orderOf(other));
    for (const [name, value] of oldest) {
      if (signals.size <= MAX_SIGNALS && bytes <= MAX_BYTES) break;
      signals.delete(name);
      bytes -= sizeOf(name, value);
      this.#dropped += 1;
    }
    return signals;
  }

  #remember(name: string, known: Known): void {
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(name, known);
  }
}

function isNewerThan(value: LastValue, known: AttributeValue | undefined): boolean {
  return known === undefined || isNewer(value, { orderUs: orderOf(known), timeUs: Number(known.M?.t?.N) });
}

function orderOf(value: AttributeValue): number {
  return Number(value.M?.o?.N);
}

/** Bytes in an item, more or less: names and texts as UTF-8, a number as its digits. */
function sizeOf(name: string, { M: facts = {} }: AttributeValue): number {
  const inside = Object.values(facts).reduce((sum, { N = "", S = "" }) => sum + 3 + N.length + Buffer.byteLength(S), 0);
  return Buffer.byteLength(name) + inside + 4;
}
