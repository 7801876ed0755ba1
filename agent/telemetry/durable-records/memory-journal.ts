import type { Json } from "../../core/canonical-json.ts";
import type { Journal, JournalDocument } from "../../ports/journal.ts";

/**
 * Documents in memory, for the time of one process in which the journal cannot be read: what happens is told all the same, and after
 * the next start nothing is known of it.
 */
export function memoryJournal(): Pick<Journal, "atomically" | "get" | "list" | "put"> {
  const documents = new Map<string, Map<string, Json>>();
  const spaceOf = (space: string): Map<string, Json> => {
    const found = documents.get(space) ?? new Map<string, Json>();
    documents.set(space, found);
    return found;
  };
  const write = ({ space, key, value }: JournalDocument): void => {
    if (value === undefined) spaceOf(space).delete(key);
    else spaceOf(space).set(key, value);
  };
  return {
    atomically: (work) => work(),
    get: (space, key) => spaceOf(space).get(key),
    list: (space) => {
      const rows = [...spaceOf(space)].map(([key, value]) => ({ space, key, value }));
      return rows.toSorted((left, right) => (left.key < right.key ? -1 : 1));
    },
    put: (given) => {
      for (const document of given) write(document);
    },
  };
}
