import type { Clock } from "../../core/clock.ts";
import { isWhole, type RecordTable, type TableBody, withPart } from "../store/record-table.ts";
import type { Sink } from "../store/sink.ts";

export type TableSettings = {
  /** How long a record waits for its table, ms. */
  readonly waitMs: number;
  /** Signals of all tables that are kept at hand; those not used for longest go first. */
  readonly maxSignals: number;
};

export type TableBookParts = {
  readonly settings: TableSettings;
  readonly sink: Pick<Sink, "table">;
  readonly clock: Clock;
  /** Asks the broker for the retained part `key` of a table that no worker has seen. */
  ask(thing: string, key: string): void;
};

/** The store is asked again for a table that it does not have, at most so often, ms. */
const ASK_EVERY_MS = 500;
/** Tables that are being waited for, or are known to be missing: beyond, a record is given none at once. */
const MAX_MISSING = 1000;

type Missing = { readonly untilMs: number; askedMs: number; readonly found: Promise<RecordTable | undefined> };

/** Signal tables at hand: parts that came to this worker, and what the store remembers of the others. */
export class TableBook {
  readonly #parts: TableBookParts;
  /** Used longest ago first. */
  readonly #known = new Map<string, RecordTable>();
  readonly #missing = new Map<string, Missing>();
  readonly #wakers = new Map<string, () => void>();
  #signals = 0;

  constructor(parts: TableBookParts) {
    this.#parts = parts;
  }

  /** Tables that records wait for at present. */
  get waiting(): number {
    return this.#wakers.size;
  }

  /** Takes a part that came to this worker. */
  note(thing: string, part: TableBody): void {
    const key = keyOf(thing, part.id);
    const table = withPart(this.#known.get(key), part);
    this.#keep(key, table);
    if (isWhole(table)) this.#wakers.get(key)?.();
    else if (this.#wakers.has(key)) this.#askForMore(thing, table);
  }

  /** The whole table; undefined where it is not at hand. */
  find(thing: string, id: string): RecordTable | undefined {
    const key = keyOf(thing, id);
    const table = this.#known.get(key);
    if (table === undefined || !isWhole(table)) return undefined;
    this.#known.delete(key);
    this.#known.set(key, table);
    return table;
  }

  /**
   * The whole table, from here or from the store; waits for it up to `waitMs`, once for all records that need it. Undefined when it does
   * not come, and for records that come later at once, until the store has it. Rejects when the store cannot be asked.
   */
  async resolve(thing: string, id: string): Promise<RecordTable | undefined> {
    const key = keyOf(thing, id);
    const missing = this.#missing.get(key);
    const nowMs = this.#parts.clock.monotonicMs();
    if (missing === undefined)
      return this.#missing.size >= MAX_MISSING ? this.#stored(thing, id) : this.#await(thing, id);
    if (nowMs < missing.untilMs) return missing.found;
    if (nowMs < missing.askedMs + ASK_EVERY_MS) return undefined;
    missing.askedMs = nowMs;
    return this.#stored(thing, id);
  }

  #await(thing: string, id: string): Promise<RecordTable | undefined> {
    const key = keyOf(thing, id);
    const nowMs = this.#parts.clock.monotonicMs();
    const untilMs = nowMs + this.#parts.settings.waitMs;
    const found = this.#waitFor(thing, id, untilMs).catch((thrown: unknown) => {
      // The next record asks anew.
      this.#missing.delete(key);
      throw thrown;
    });
    this.#missing.set(key, { untilMs, askedMs: nowMs, found });
    return found;
  }

  async #waitFor(thing: string, id: string, untilMs: number): Promise<RecordTable | undefined> {
    const { clock } = this.#parts;
    const key = keyOf(thing, id);
    const come = new AbortController();
    this.#wakers.set(key, () => come.abort());
    try {
      let isAsked = false;
      for (;;) {
        const table = this.find(thing, id) ?? (await this.#stored(thing, id));
        const leftMs = untilMs - clock.monotonicMs();
        if (table !== undefined || leftMs <= 0) return table;
        if (!isAsked) this.#parts.ask(thing, `${id}.0`);
        isAsked = true;
        await clock.sleep(Math.min(ASK_EVERY_MS, leftMs), come.signal);
      }
    } finally {
      this.#wakers.delete(key);
    }
  }

  async #stored(thing: string, id: string): Promise<RecordTable | undefined> {
    const table = await this.#parts.sink.table(thing, id);
    if (table === undefined) return undefined;
    const key = keyOf(thing, id);
    const at = this.#known.get(key);
    if (at === undefined || at.signals.size <= table.signals.size) this.#keep(key, table);
    return this.find(thing, id);
  }

  /** Parts are numbered in the order of their signals: the number of the next is not known, but no part has fewer than one. */
  #askForMore(thing: string, { id, signals }: RecordTable): void {
    for (let part = 1; part <= Math.min(signals.size, MAX_PARTS_ASKED); part++) this.#parts.ask(thing, `${id}.${part}`);
  }

  #keep(key: string, table: RecordTable): void {
    this.#signals += table.signals.size - (this.#known.get(key)?.signals.size ?? 0);
    this.#known.delete(key);
    this.#known.set(key, table);
    if (isWhole(table)) this.#missing.delete(key);
    for (const [oldest, { signals }] of this.#known) {
      if (this.#signals <= this.#parts.settings.maxSignals || oldest === key) break;
      this.#known.delete(oldest);
      this.#signals -= signals.size;
    }
  }
}

/** Parts of a table that the broker is asked for beyond the first. */
const MAX_PARTS_ASKED = 16;

function keyOf(thing: string, id: string): string {
  return `${thing} ${id}`;
}
