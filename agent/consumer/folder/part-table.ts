import { createHash } from "node:crypto";
import type Database from "better-sqlite3";
import { exactLine } from "../../core/exact-json.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { type RecordTable, type TableBody, withPart } from "../record-table.ts";

/** Parts that a thing may have: far more than its tables have; one that announces more is broken, or wants to fill the disk. */
const MAX_PARTS = 10_000;
/** Tables that are in memory at a time. */
const MAX_CACHED = 200;

type Known = { readonly parts: number; readonly table: RecordTable };

/** Signal tables of all things, part by part as their records came. */
export class PartTable {
  readonly #reader: RecordReader;
  readonly #count: Database.Statement<[thing: string], { readonly parts: number }>;
  readonly #insert: Database.Statement<[thing: string, id: string, digest: string, payload: Uint8Array]>;
  readonly #countOf: Database.Statement<[thing: string, id: string], { readonly parts: number }>;
  readonly #read: Database.Statement<[thing: string, id: string], { readonly payload: Uint8Array }>;
  readonly #cache = new Map<string, Known>();

  constructor(database: Database.Database, reader: RecordReader) {
    this.#reader = reader;
    this.#count = database.prepare("SELECT count(*) AS parts FROM parts WHERE thing = ?");
    this.#insert = database.prepare("INSERT OR IGNORE INTO parts (thing, id, digest, payload) VALUES (?, ?, ?, ?)");
    this.#countOf = database.prepare("SELECT count(*) AS parts FROM parts WHERE thing = ? AND id = ?");
    this.#read = database.prepare("SELECT payload FROM parts WHERE thing = ? AND id = ? ORDER BY digest");
  }

  /** Remembers a part; the same one again takes no room. Undefined where the thing has too many. For use in a transaction. */
  add(thing: string, part: TableBody, payload: Uint8Array): "added" | undefined {
    if ((this.#count.get(thing)?.parts ?? 0) >= MAX_PARTS) return undefined;
    this.#insert.run(thing, part.id, createHash("sha256").update(exactLine(part)).digest("hex"), payload);
    return "added";
  }

  /** The table as far as its parts have come; undefined when none has. */
  find(thing: string, id: string): RecordTable | undefined {
    const parts = this.#countOf.get(thing, id)?.parts ?? 0;
    if (parts === 0) return undefined;
    const key = `${thing}\u0000${id}`;
    const known = this.#cache.get(key);
    if (known?.parts === parts) return known.table;
    let table: RecordTable | undefined;
    for (const { payload } of this.#read.iterate(thing, id)) {
      const { body } = this.#reader.decode(payload);
      if (body.kind === "table") table = withPart(table, body);
    }
    if (table === undefined) return undefined;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, { parts, table });
    return table;
  }
}
