import { EXIT } from "../core/errors.ts";
import { decodeDbcBytes } from "../data/dbc/bytes.ts";
import type { DbcDatabase, ParsedDbc } from "../data/dbc/model.ts";
import { parseDbc } from "../data/dbc/parse.ts";
import type { CliContext } from "./context.ts";
import { readInputFile } from "./input-file.ts";
import { printable } from "./text.ts";

/** A DBC file as far as it can be read, with what is wrong with it. Throws `input.missing`. */
export async function readDbcFile(path: string): Promise<ParsedDbc> {
  return parseDbc(decodeDbcBytes(await readInputFile(path)));
}

/**
 * What a DBC file declares. Its errors go to stderr, and the verb then ends with 65, but goes on with what could be read.
 * Throws `input.missing`.
 */
export async function openDatabase(context: CliContext, path: string): Promise<DbcDatabase> {
  const { database, errors } = await readDbcFile(path);
  for (const { line, column, text } of errors) {
    context.stderr.write(`${path}:${line}:${column} error: ${printable(text)}\n`);
  }
  if (errors.length > 0) context.finish(EXIT.badInput);
  return database;
}
