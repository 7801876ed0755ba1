/** Where a row lies: rows of one group are listed together. Both are made of parts by `keyOf`, so that no part can leave its place. */
export type RowKey = { readonly group: string; readonly name: string };

/** What a row may have besides its text. `expiresAtMs`: from when on it is as if it were not there, ms since the Unix epoch; undefined lives on. */
export type RowLife = { readonly nowMs: number; readonly expiresAtMs: number | undefined };

/**
 * Small rows of text that several backends share. Each call is one atomic step; a row whose life is over is never seen, though it may
 * still lie there. Calls reject with what the store's client throws.
 */
export interface RowStore {
  get(key: RowKey, nowMs: number): Promise<string | undefined>;
  /** Names and texts of a group in the order of the names, at most `limit`. */
  list(
    group: string,
    nowMs: number,
    limit: number,
  ): Promise<readonly { readonly name: string; readonly text: string }[]>;
  /** False, and nothing done, where a row is there already. */
  putNew(key: RowKey, text: string, life: RowLife): Promise<boolean>;
  /** False, and nothing done, where the text is not `before` any more. Its life stays as it is. */
  replace(key: RowKey, before: string, text: string): Promise<boolean>;
  /** Takes a row out: of several callers one gets it. */
  take(key: RowKey, nowMs: number): Promise<string | undefined>;
  /** The next number of a counter, `first` where there is none yet: no two callers get the same. One whose life is over may go on, or begin again. */
  next(key: RowKey, first: number, life: RowLife): Promise<number>;
}

/** A key of parts that may hold anything: the separator of parts in a part is escaped. */
export function keyOf(group: readonly string[], name: readonly string[]): RowKey {
  return { group: joined(group), name: joined(name) };
}

function joined(parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll("%", "%25").replaceAll("#", "%23")).join("#");
}
