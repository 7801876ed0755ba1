import { InvalidArgumentError, Option } from "commander";
import { isEncoding } from "../../config/dbc.ts";
import { EXIT } from "../core/errors.ts";
import { printable } from "../core/plain-text.ts";
import { parseDbcBytes } from "../signals/dbc/bytes.ts";
import type { DbcDatabase, ParsedDbc } from "../signals/dbc/model.ts";
import type { CliContext } from "./context.ts";
import { readInputFile } from "./input-file.ts";

/** A DBC file as far as it can be read, with what is wrong with it. `encoding` is for one that is not UTF-8. Throws `input.missing`. */
export async function readDbcFile(path: string, encoding: string | undefined): Promise<ParsedDbc> {
  return parseDbcBytes(await readInputFile(path), encoding);
}

/** `--encoding`, for every verb that reads DBC files. */
export function encodingOption(): Option {
  return new Option(
    "--encoding <label>",
    "encoding of DBC files that are not UTF-8, such as shift_jis or gb18030; windows-1252 when absent",
  ).argParser((label: string) => {
    if (isEncoding(label)) return label;
    throw new InvalidArgumentError(`${label} is no encoding that can be read`);
  });
}

/**
 * What a DBC file declares. Its errors go to stderr, and the verb then ends with 65, but goes on with what could be read.
 * Throws `input.missing`.
 */
export async function openDatabase(
  context: CliContext,
  path: string,
  encoding: string | undefined,
): Promise<DbcDatabase> {
  const { database, errors } = await readDbcFile(path, encoding);
  for (const { line, column, text } of errors) {
    context.terminal.stderr.write(`${path}:${line}:${column} error: ${printable(text)}\n`);
  }
  if (errors.length > 0) context.finish(EXIT.badInput);
  return database;
}
