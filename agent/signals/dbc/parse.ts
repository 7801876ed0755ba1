import { ValueTextPool } from "../value-texts.ts";
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
import { readSignal } from "./signal-line.ts";
import { type ParseState, readBitTiming, readMessage, readNewSymbols, readNodes, readVersion } from "./statements.ts";
import { suspectLine } from "./suspects.ts";

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

/** What is lost with a statement that cannot be read, where that is the value of a signal; of all others it is a text or nothing. */
const COSTS: ReadonlyMap<string, string> = new Map([
  ["BO_", "the message and its signals are left out"],
  ["SG_", "the signal is left out"],
  ["SIG_VALTYPE_", "the signal it is about is left out"],
  ["SG_MUL_VAL_", "the signal it is about is left out"],
]);

/**
 * Reads the text of a DBC file (Vector, "DBC File Format Documentation", with extended multiplexing and CAN FD). Never throws: each
 * error and warning has its line and column, and reading goes on at the next statement. What is damaged is left out, and with it
 * every signal that may be read wrongly for it. At most 1000 errors and 1000 warnings are kept.
 *
 * Where the backslash is not trusted, one behind a character that is not ASCII belongs to that and escapes nothing.
 */
export function parseDbc(text: string, { trustsBackslash = true }: { trustsBackslash?: boolean } = {}): ParsedDbc {
  // Of the same length, so that places stay what they are: lines may end with CR alone, a file with the end mark of DOS.
  const lines = text.replaceAll(/\r(?!\n)/g, "\n").replaceAll("\u001A", " ");
  const problems = new ProblemList(lines);
  const draft: DatabaseDraft = {
    version: "",
    nodes: [],
    messages: [],
    byId: new Map(),
    lostIds: new Set(),
    suspects: [],
    valueTables: new Map(),
    texts: new ValueTextPool(),
    frameFormats: [],
    defaultFrameFormat: undefined,
    defaultCycleMs: undefined,
    protocol: undefined,
  };
  const owner = { kind: "none", why: "no BO_ stands before it" } as const;
  const state: ParseState = { reader: new DbcReader(lines, trustsBackslash), draft, problems, owner };
  while (!state.reader.atEnd()) readStatement(state);
  const database = resolveDatabase(draft, problems);
  return { database, errors: problems.errors, warnings: problems.warnings };
}

function readStatement(state: ParseState): void {
  const { reader } = state;
  const at = reader.position();
  if (reader.take(";")) return;
  const word = reader.peekWord();
  try {
    if (word === undefined || !STATEMENT_WORDS.has(word)) {
      throw new DbcSyntaxError(at, `expected a statement, found ${(word ?? reader.text[at]).slice(0, 40)}`);
    }
    reader.statementWord();
    const read = READERS.get(word);
    if (read === undefined) reader.skipStatement(word);
    else read(state);
  } catch (error) {
    if (!(error instanceof DbcSyntaxError)) throw error;
    passOver(state, word ?? "", at, error);
  }
}

/** Goes on behind a statement that cannot be read, and tells what it costs. */
function passOver(state: ParseState, word: string, at: number, { offset, message }: DbcSyntaxError): void {
  const { reader, problems, owner } = state;
  const cost = COSTS.get(word);
  if (cost !== undefined) problems.error(offset, `${message}; ${cost}`);
  else if (STATEMENT_WORDS.has(word)) problems.warn(offset, message);
  else problems.error(offset, message);
  if (word === "SG_" && owner.kind === "message") owner.message.complete = false;
  reader.resume(Math.max(offset, at + 1));
  suspectLine(state.draft, at, reader.text.slice(at, reader.text.indexOf("\n", at) >>> 0));
  const skipped = reader.text.slice(at, reader.position()).split("\n");
  const doubtful = skipped.findIndex((line, index) => mayBeginMessage(line, index === 0 ? word : ""));
  if (doubtful < 0) return;
  if (owner.kind === "message") owner.message.complete = false;
  const place = `line ${problems.lineOf(at) + doubtful}`;
  state.owner = { kind: "none", why: `${place} cannot be read and may have begun another message` };
}

/**
 * Whether a line that was passed over may have been a BO_: then the signals below it belong to a message that is not known. `word` is
 * the statement that it is, if any. Lines with the marks of a signal, and empty ones, are none.
 */
function mayBeginMessage(line: string, word: string): boolean {
  if (STATEMENT_WORDS.has(word)) return false;
  const text = line.replace(/\/\/.*$/, "").trim();
  return text !== "" && !/^SG_\s/.test(text) && !/\|.*@/.test(text);
}
