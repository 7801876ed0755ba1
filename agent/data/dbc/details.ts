import type { MessageDraft, SignalDraft } from "./draft.ts";
import { INDEPENDENT_SIGNALS_IDS, type ParseState } from "./statements.ts";

/** VAL_TABLE_ name number "text" ... ; */
export function readValueTable(state: ParseState): void {
  const name = state.reader.word("the table name");
  state.draft.valueTables.set(name, readChoices(state, "VAL_TABLE_"));
}

/** VAL_ message signal (number "text" ... | table) ; or VAL_ environment-variable ... ; */
export function readValues(state: ParseState): void {
  const { reader, draft, problems } = state;
  if (!/^\d+$/.test(reader.peekWord() ?? "")) {
    reader.word("the message id or the name of an environment variable");
    readChoices(state, "VAL_");
    return;
  }
  const signal = readSignalReference(state, "VAL_");
  const tableAt = reader.position();
  const tableName = /^[A-Za-z_]/.test(reader.peekWord() ?? "") ? reader.word("the table name") : undefined;
  const choices = tableName === undefined ? readChoices(state, "VAL_") : draft.valueTables.get(tableName);
  if (tableName !== undefined) reader.expect(";", "after the table name");
  if (choices === undefined) problems.warn(tableAt, `VAL_ names the unknown table ${tableName}`);
  else if (signal !== undefined) signal.choices = choices;
}

/** CM_ [BU_ node | BO_ message | SG_ message signal | EV_ variable] "text" ; */
export function readComment(state: ParseState): void {
  const { reader } = state;
  const of = reader.atString() ? "" : reader.word("what the comment is about");
  if (of === "SG_") {
    const signal = readSignalReference(state, "CM_");
    const text = reader.string("the comment");
    if (signal !== undefined) signal.comment = text;
  } else if (of === "BO_") {
    const message = readMessageReference(state, "CM_");
    const text = reader.string("the comment");
    if (message !== undefined) message.comment = text;
  } else {
    if (of !== "") reader.word("a name");
    reader.string("the comment");
  }
  reader.expect(";", "after the comment");
}

/** BA_DEF_ [BU_|BO_|SG_|EV_] "name" type ; only VFrameFormat's texts are kept. */
export function readAttributeDefinition({ reader, draft }: ParseState): void {
  if (!reader.atString()) reader.word("what the attribute belongs to");
  const name = reader.string("the attribute name");
  if (name === "VFrameFormat" && reader.peekWord() === "ENUM") {
    reader.word("type");
    const texts: string[] = [];
    while (reader.atString()) {
      texts.push(reader.string("an enumeration text"));
      reader.take(",");
    }
    draft.frameFormats = texts;
  }
  reader.skipStatement("BA_DEF_");
}

/** BA_DEF_DEF_ "name" value ; */
export function readAttributeDefault({ reader, draft }: ParseState): void {
  const name = reader.string("the attribute name");
  if (name === "VFrameFormat" && reader.atString()) draft.defaultFrameFormat = reader.string("the default");
  reader.skipStatement("BA_DEF_DEF_");
}

/** BA_ "name" [BU_ node | BO_ message | SG_ message signal | EV_ variable] value ; only long names and VFrameFormat are kept. */
export function readAttribute(state: ParseState): void {
  const { reader } = state;
  const name = reader.string("the attribute name");
  const of = reader.peekWord();
  if (of === "BO_") {
    reader.word("BO_");
    const message = readMessageReference(state, "BA_");
    if (name === "SystemMessageLongSymbol") setLongName(message, reader.string("the long name"));
    if (name === "VFrameFormat") {
      const format = reader.atString() ? reader.string("the frame format") : reader.number("the frame format");
      if (message !== undefined) message.frameFormat = format;
    }
  } else if (of === "SG_") {
    reader.word("SG_");
    const signal = readSignalReference(state, "BA_");
    if (name === "SystemSignalLongSymbol") setLongName(signal, reader.string("the long name"));
  }
  reader.skipStatement("BA_");
}

/** SIG_VALTYPE_ message signal : 0|1|2 ; 1 is an IEEE single, 2 a double. */
export function readValueType(state: ParseState): void {
  const { reader, problems } = state;
  const at = reader.position();
  const signal = readSignalReference(state, "SIG_VALTYPE_");
  reader.take(":");
  const type = reader.unsigned("the value type");
  reader.expect(";", "after the value type");
  if (type > 2) problems.error(at, `value type ${type} is unknown; 0 is integer, 1 float, 2 double`);
  else if (signal !== undefined) signal.kind = (["integer", "float", "double"] as const)[type];
}

/** SG_MUL_VAL_ message signal multiplexer first-last, first-last ... ; */
export function readMultiplexing(state: ParseState): void {
  const { reader } = state;
  const at = reader.position();
  const signal = readSignalReference(state, "SG_MUL_VAL_");
  const by = reader.word("the multiplexer");
  const ranges: (readonly [number, number])[] = [];
  do {
    const first = reader.unsigned("the first value");
    reader.expect("-", "between the first and the last value");
    const last = reader.unsigned("the last value");
    ranges.push([first, last]);
  } while (reader.take(","));
  reader.expect(";", "after the ranges");
  if (signal !== undefined) signal.multiplexing = { at, by, ranges };
}

function readChoices({ reader, problems }: ParseState, word: string): ReadonlyMap<number | bigint, string> {
  const choices = new Map<number | bigint, string>();
  while (!reader.take(";")) {
    if (reader.atEnd() || reader.atStatement()) {
      problems.error(reader.position(), `expected ';' at the end of ${word}`);
      return choices;
    }
    const value = reader.integer("a value or ';'");
    choices.set(value, reader.string("the text of the value"));
  }
  return choices;
}

function readMessageReference({ reader, draft, problems }: ParseState, word: string): MessageDraft | undefined {
  const at = reader.position();
  const rawId = reader.unsigned("the message id");
  const message = draft.messages.get(rawId);
  // The pseudo message is not kept, so what is said of its signals has no place.
  if (message === undefined && !INDEPENDENT_SIGNALS_IDS.has(rawId)) {
    problems.warn(at, `${word} names the unknown message ${rawId}`);
  }
  return message;
}

function readSignalReference(state: ParseState, word: string): SignalDraft | undefined {
  const message = readMessageReference(state, word);
  const at = state.reader.position();
  const name = state.reader.word("the signal name");
  const signal = message?.signals.get(name);
  if (message !== undefined && signal === undefined) {
    state.problems.warn(at, `${word} names the unknown signal ${name} of message ${message.name}`);
  }
  return signal;
}

function setLongName(target: { longName: string | undefined } | undefined, longName: string): void {
  if (target !== undefined && longName !== "") target.longName = longName;
}
