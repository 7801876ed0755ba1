import { existsSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { isEncoding } from "../../config/dbc.ts";
import { EXIT } from "../core/errors.ts";
import { printable } from "../core/plain-text.ts";
import { parseDbcBytes } from "../signals/dbc/bytes.ts";
import type { DbcDatabase, DbcProblem, ParsedDbc } from "../signals/dbc/model.ts";
import { type Matching, matchedBy } from "../signals/table-source.ts";
import type { CliContext } from "./context.ts";
import { readInputFile } from "./input-file.ts";
import type { DecodedLog } from "./log-messages.ts";

/** What --dbc says, for verbs that take it with an interface. */
export const DBC_HELP = "a DBC file, or INTERFACE=FILE for the frames of one interface; may be given several times";
/** The same, for verbs that take those of the configuration without it (`configuredDbc`). */
export const DBC_DEFAULT_HELP = `${DBC_HELP}; those of the configuration when absent`;

/** The options of verbs that decode a log. */
export type DbcOptions = { readonly dbc: readonly string[]; readonly match?: Matching; readonly encoding?: string };

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
  reportErrors(context, path, errors);
  return database;
}

/** Tells the errors of a DBC file on stderr, one a line; where there are some the verb ends with 65. */
export function reportErrors(context: CliContext, path: string, errors: readonly DbcProblem[]): void {
  for (const { line, column, text } of errors) {
    context.terminal.stderr.write(`${path}:${line}:${column} error: ${printable(text)}\n`);
  }
  if (errors.length > 0) context.finish(EXIT.badInput);
}

/** What stands beside --dbc: `DbcOptions` without it. */
export function dbcOptions(): readonly Option[] {
  const match = new Option(
    "--match <what>",
    "what frames with 29-bit ids are known by: pgn for the parameter group of J1939, NMEA 2000 and ISOBUS; as the DBC file says when absent",
  );
  return [match.choices(["pgn", "id"]), encodingOption()];
}

/** For an option that may be given several times. */
export function appended(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** The files of --dbc, as `openDatabase` reads each. Throws `input.missing`. */
export async function openDatabases(
  context: CliContext,
  { dbc, match, encoding }: DbcOptions,
): Promise<readonly DecodedLog[]> {
  const opened = dbc.map(async (given) => {
    const { file, interface: only } = splitInterface(given);
    const database = await openDatabase(context, file, encoding);
    return { file, interface: only, database: match === undefined ? database : matchedBy(database, match) };
  });
  return Promise.all(opened);
}

/** `can0=engine.dbc` in its two parts. A file whose own name is like that is meant when it is there. */
function splitInterface(given: string): { readonly file: string; readonly interface: string | undefined } {
  const match = /^([^\s/=]{1,64})=(.+)$/.exec(given);
  if (match === null || existsSync(given)) return { file: given, interface: undefined };
  return { file: match[2], interface: match[1] };
}
