import type { RowKey, RowLife, RowStore } from "./row-store.ts";

type Row = { text: string; number: number; readonly expiresAtMs: number };

/** Rows held by default, at most. */
const MAX_ROWS = 100_000;

/** Rows of one process, for a bench: gone when it ends. Beyond the bound an old one goes, even before its time. */
export class MemoryRows implements RowStore {
  readonly #groups = new Map<string, Map<string, Row>>();
  readonly #maxRows: number;
  #rows = 0;
  /** Rows that the bound threw away. */
  dropped = 0;

  constructor(maxRows = MAX_ROWS) {
    this.#maxRows = maxRows;
  }

  async get(key: RowKey, nowMs: number): Promise<string | undefined> {
    return this.#row(key, nowMs)?.text;
  }

  async list(group: string, nowMs: number, limit: number) {
    return [...(this.#groups.get(group) ?? [])]
      .filter(([, row]) => row.expiresAtMs > nowMs)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, limit)
      .map(([name, { text }]) => ({ name, text }));
  }

  async putNew(key: RowKey, text: string, { nowMs, expiresAtMs }: RowLife): Promise<boolean> {
    if (this.#row(key, nowMs) !== undefined) return false;
    this.#put(key, { text, number: 0, expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY });
    return true;
  }

  async replace({ group, name }: RowKey, before: string, text: string): Promise<boolean> {
    const row = this.#groups.get(group)?.get(name);
    if (row?.text !== before) return false;
    row.text = text;
    return true;
  }

  async take(key: RowKey, nowMs: number): Promise<string | undefined> {
    const row = this.#row(key, nowMs);
    this.#delete(key);
    return row?.text;
  }

  async next(key: RowKey, first: number, { nowMs, expiresAtMs }: RowLife): Promise<number> {
    const row = this.#row(key, nowMs);
    if (row !== undefined) return ++row.number;
    this.#put(key, { text: "", number: first, expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY });
    return first;
  }

  #row({ group, name }: RowKey, nowMs: number): Row | undefined {
    const row = this.#groups.get(group)?.get(name);
    return row !== undefined && row.expiresAtMs > nowMs ? row : undefined;
  }

  #put(key: RowKey, row: Row): void {
    this.#delete(key);
    const group = this.#groups.get(key.group) ?? new Map<string, Row>();
    group.set(key.name, row);
    this.#groups.set(key.group, group);
    this.#rows += 1;
    if (this.#rows > this.#maxRows) this.#dropOldest();
  }

  #delete({ group, name }: RowKey): void {
    const rows = this.#groups.get(group);
    if (rows?.delete(name) !== true) return;
    this.#rows -= 1;
    if (rows.size === 0) this.#groups.delete(group);
  }

  /** Rows that live for ever are what somebody has set up: they stay. */
  #dropOldest(): void {
    for (const [group, rows] of this.#groups) {
      for (const [name, { expiresAtMs }] of rows) {
        if (expiresAtMs === Number.POSITIVE_INFINITY) continue;
        this.#delete({ group, name });
        this.dropped += 1;
        return;
      }
    }
  }
}
