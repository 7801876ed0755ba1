import {
  readAttribute,
  readAttributeDefault,
  readAttributeDefinition,
  readComment,
  readMultiplexing,
  readValues,
  readValueTable,
  readValueType,
} from "./details.ts";
import { type DatabaseDraft, ProblemList } from "./draft.ts";
import type { ParsedDbc } from "./model.ts";
import { DbcReader, DbcSyntaxError, STATEMENT_WORDS } from "./reader.ts";
import { resolveDatabase } from "./resolve.ts";
import {
  type ParseState,
  readBitTiming,
  readMessage,
  readNewSymbols,
  readNodes,
  readSignal,
  readVersion,
} from "./statements.ts";

/** Statements that say something about frames; all others are read over. */
const READERS: ReadonlyMap<string, (state: ParseState) => void> = new Map([
  ["VERSION", readVersion],
  ["NS_", readNewSymbols],
  ["BS_", readBitTiming],
  ["BU_", readNodes],
  ["BO_", readMessage],
  ["SG_", readSignal],
  ["VAL_TABLE_", readValueTable],
  ["VAL_", readValues],
  ["CM_", readComment],
  ["BA_DEF_", readAttributeDefinition],
  ["BA_DEF_DEF_", readAttributeDefault],
  ["BA_", readAttribute],
  ["SIG_VALTYPE_", readValueType],
  ["SG_MUL_VAL_", readMultiplexing],
]);

/**
 * Reads the text of a DBC file (Vector, "DBC File Format Documentation", with extended multiplexing and CAN FD). Never throws: each
 * error and warning has its line and column, and reading goes on at the next statement. At most 1000 of each are kept.
 */
export function parseDbc(text: string): ParsedDbc {
  const problems = new ProblemList(text);
  const draft: DatabaseDraft = {
    version: "",
    nodes: [],
    messages: new Map(),
    valueTables: new Map(),
    frameFormats: [],
    defaultFrameFormat: undefined,
  };
  const state: ParseState = { reader: new DbcReader(text), draft, problems, message: undefined };
  while (!state.reader.atEnd()) readStatement(state);
  const database = resolveDatabase(draft, problems);
  return { database, errors: problems.errors, warnings: problems.warnings };
}

function readStatement(state: ParseState): void {
  const { reader, problems } = state;
  const at = reader.position();
  try {
    const word = reader.word("a statement");
    if (!STATEMENT_WORDS.has(word)) throw new DbcSyntaxError(at, `expected a statement, found ${word.slice(0, 40)}`);
    const read = READERS.get(word);
    if (read === undefined) reader.skipStatement(word);
    else read(state);
  } catch (error) {
    if (!(error instanceof DbcSyntaxError)) throw error;
    problems.error(error.offset, error.message);
    if (reader.text.startsWith("BO_", at)) state.message = undefined;
    reader.resume(Math.max(error.offset, at + 1));
  }
}
