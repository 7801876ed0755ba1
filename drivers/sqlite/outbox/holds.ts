import type { RecordKey } from "./records.ts";

/** The records that are on their way, by row. Kept in memory alone: after a restart none is. */
export class Holds {
  readonly #keys = new Map<number, RecordKey>();

  get size(): number {
    return this.#keys.size;
  }

  has(row: number): boolean {
    return this.#keys.has(row);
  }

  add(key: RecordKey): void {
    this.#keys.set(key.row, key);
  }

  end(row: number): void {
    this.#keys.delete(row);
  }

  /** Payload bytes of the held records of the streams with code `lowest` and above. */
  bytesFrom(lowest: number): number {
    let bytes = 0;
    for (const key of this.#keys.values()) if (key.stream >= lowest) bytes += key.bytes;
    return bytes;
  }
}
