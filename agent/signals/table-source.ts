import type { DbcDatabase } from "./dbc/model.ts";
import { pgnOf } from "./pgn.ts";
import type { Carriage } from "./signal-entry.ts";

/** A database and the bus it describes; `file` is its name in error messages. Without `carriage` its messages come in frames. */
export type TableSource = {
  readonly bus: string;
  readonly database: DbcDatabase;
  readonly file?: string;
  readonly carriage?: Carriage;
};

/** How the frames of a DBC's messages are known: by id, or those with 29-bit ids by parameter group, whatever the file says. */
export type Matching = "id" | "pgn";

/** The database with all of its messages known in the given way. */
export function matchedBy(database: DbcDatabase, matching: Matching): DbcDatabase {
  const messages = database.messages.map((message) => ({
    ...message,
    pgn: matching === "pgn" && message.extended ? pgnOf(message.id) : undefined,
  }));
  return { ...database, messages };
}
