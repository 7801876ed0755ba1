import { crc32 } from "node:zlib";
import type Database from "better-sqlite3";
import { AgentError } from "../../../agent/core/errors.ts";
import { KEPT_MAX_BYTES, type KeptValue } from "../../../agent/ports/outbox.ts";
import { atRest, fromRest, plainBytesOf, type RestCipher } from "./rest-cipher.ts";

/** A row of `kept`. A null value says that the key was forgotten, which a database in memory remembers for the one that takes it over. */
export type KeptRow = { readonly key: string; readonly value: Uint8Array | null; readonly crc: number };

/** The values that are kept beside the records. Nothing of them is held in memory, so that a transaction undoes them too. */
export class KeptTable {
  readonly #remembersForgotten: boolean;
  readonly #cipher: RestCipher | undefined;
  readonly #put: Database.Statement<[key: string, value: Uint8Array | null, crc: number]>;
  readonly #delete: Database.Statement<[key: string]>;
  readonly #rows: Database.Statement<[], KeptRow>;
  readonly #values: Database.Statement<[], Uint8Array>;

  /** `remembersForgotten`: for a database in memory. Without `cipher` values are stored as they are. */
  constructor(database: Database.Database, remembersForgotten: boolean, cipher?: RestCipher) {
    this.#remembersForgotten = remembersForgotten;
    this.#cipher = cipher;
    this.#put = database.prepare(
      "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, crc = excluded.crc",
    );
    this.#delete = database.prepare("DELETE FROM kept WHERE key = ?");
    this.#rows = database.prepare("SELECT * FROM kept ORDER BY key");
    this.#values = database.prepare<[], Uint8Array>("SELECT value FROM kept WHERE value IS NOT NULL").pluck();
  }

  /** For use inside a transaction. Throws `internal.bug` when all values together are longer than `KEPT_MAX_BYTES`. */
  write(values: readonly KeptValue[]): void {
    for (const { key, value } of values) {
      const stored = value === undefined ? undefined : atRest(this.#cipher, { kept: key }, value);
      if (stored !== undefined || this.#remembersForgotten) this.#put.run(key, stored ?? null, keptCrc(key, stored));
      else this.#delete.run(key);
    }
    const bytes = values.length === 0 ? 0 : this.#plainBytes();
    if (bytes <= KEPT_MAX_BYTES) return;
    throw new AgentError("internal.bug", {
      what: `${bytes} bytes are kept beside the records, more than ${KEPT_MAX_BYTES}`,
      remedy: "report it",
    });
  }

  /** Those that are whole and can be opened; the others are as if they had never been. */
  list(): readonly KeptRow[] {
    return this.#rows
      .all()
      .filter(isSoundKept)
      .flatMap((row) => {
        if (row.value === null) return [row];
        const value = fromRest(this.#cipher, { kept: row.key }, row.value);
        return value === undefined ? [] : [{ ...row, value }];
      });
  }

  #plainBytes(): number {
    let bytes = 0;
    for (const value of this.#values.iterate()) bytes += plainBytesOf(value);
    return bytes;
  }
}

/** Whether a row is what was written. */
export function isSoundKept({ key, value, crc }: KeptRow): boolean {
  return keptCrc(key, value ?? undefined) === crc;
}

function keptCrc(key: string, value: Uint8Array | undefined): number {
  return crc32(value ?? "", crc32(key));
}
