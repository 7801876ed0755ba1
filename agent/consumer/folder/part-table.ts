import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import type Database from "better-sqlite3";
import { z } from "zod";
import { exactLine } from "../../core/exact-json.ts";
import { isWhole, type RecordTable, type TableBody, withPart } from "../store/record-table.ts";

/** Parts that a thing may have: far more than its tables have; one that announces more is broken, or wants to fill the disk. */
const MAX_PARTS = 10_000;
/** Tables that are in memory at a time. */
const MAX_CACHED = 200;

/** What `serialize` made of a part is given back as it was. */
const tableBody = z.custom<TableBody>((value) => typeof value === "object" && value !== null && "signals" in value);

type Known = { readonly parts: number; readonly table: RecordTable };

/** Signal tables of all things, part by part as their records came. */
export class PartTable {
  readonly #count: Database.Statement<[thing: string], { readonly parts: number }>;
  readonly #insert: Database.Statement<[thing: string, id: string, digest: string, body: Uint8Array]>;
  readonly #countOf: Database.Statement<[thing: string, id: string], { readonly parts: number }>;
  readonly #read: Database.Statement<[thing: string, id: string], { readonly body: Uint8Array }>;
  readonly #cache = new Map<string, Known>();

  constructor(database: Database.Database) {
    this.#count = database.prepare("SELECT count(*) AS parts FROM parts WHERE thing = ?");
    this.#insert = database.prepare("INSERT OR IGNORE INTO parts (thing, id, digest, body) VALUES (?, ?, ?, ?)");
    this.#countOf = database.prepare("SELECT count(*) AS parts FROM parts WHERE thing = ? AND id = ?");
    this.#read = database.prepare("SELECT body FROM parts WHERE thing = ? AND id = ? ORDER BY digest");
  }

  /** Remembers a part; the same one again takes no room. Undefined where the thing has too many. For use in a transaction. */
  add(thing: string, part: TableBody): "added" | undefined {
    if ((this.#count.get(thing)?.parts ?? 0) >= MAX_PARTS) return undefined;
    this.#insert.run(thing, part.id, createHash("sha256").update(exactLine(part)).digest("hex"), serialize(part));
    return "added";
  }

  /** Remembers a whole table that the worker has, where the parts of it have not come here. For use in a transaction. */
  ensure(thing: string, table: RecordTable): void {
    const known = this.find(thing, table.id);
    if (known !== undefined && isWhole(known)) return;
    this.add(thing, { kind: "table", ...table, signals: [...table.signals.values()] });
  }

  /** The table as far as its parts have come; undefined when none has. */
  find(thing: string, id: string): RecordTable | undefined {
    const parts = this.#countOf.get(thing, id)?.parts ?? 0;
    if (parts === 0) return undefined;
    const key = `${thing}\u0000${id}`;
    const known = this.#cache.get(key);
    if (known?.parts === parts) return known.table;
    let table: RecordTable | undefined;
    for (const { body } of this.#read.iterate(thing, id)) table = withPart(table, tableBody.parse(deserialize(body)));
    if (table === undefined) return undefined;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, { parts, table });
    return table;
  }
}
