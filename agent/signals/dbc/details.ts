import { type ValueTexts, valueTexts } from "../value-texts.ts";
import type { MessageDraft, SignalDraft, Suspect } from "./draft.ts";
import { INDEPENDENT_SIGNALS_IDS, type ParseState, readMessageId } from "./statements.ts";

/** Longest text of a value, characters; what is longer is cut, so that a text always fits a record. */
const MAX_VALUE_TEXT_CHARACTERS = 256;
/** Suspect parameter numbers have 19 bits (SAE J1939-73, 5.7.1). */
const MAX_SPN = 0x7_ffff;

/** VAL_TABLE_ name number "text" ... ; */
export function readValueTable(state: ParseState): void {
  const name = state.reader.word("the table name");
  state.draft.valueTables.set(name, readChoices(state, "VAL_TABLE_"));
}

/** VAL_ message signal (number "text" ... | table) ; or VAL_ environment-variable ... ; */
export function readValues(state: ParseState): void {
  const { reader, draft, problems } = state;
  if (!/^\d/.test(reader.peekWord() ?? "")) {
    reader.word("the message id or the name of an environment variable");
    readChoices(state, "VAL_");
    return;
  }
  const signals = readSignalReference(state, "VAL_");
  const tableAt = reader.position();
  const isNamed = /^[A-Za-z_]/.test(reader.peekWord() ?? "") && !reader.atStatement();
  const tableName = isNamed ? reader.word("the table name") : undefined;
  const choices = tableName === undefined ? readChoices(state, "VAL_") : draft.valueTables.get(tableName);
  if (tableName !== undefined) endStatement(state, "VAL_");
  const isKnown = tableName === undefined || draft.valueTables.has(tableName);
  if (!isKnown) problems.warn(tableAt, `VAL_ names the unknown table ${tableName}`);
  else for (const signal of signals) signal.choices = choices;
}

/** CM_ [BU_ node | BO_ message | SG_ message signal | EV_ variable] "text" ; */
export function readComment(state: ParseState): void {
  const { reader } = state;
  const of = reader.atString() ? "" : reader.word("what the comment is about");
  if (of === "SG_") {
    const signals = readSignalReference(state, "CM_");
    const text = readProse(state);
    for (const signal of signals) signal.comment = text;
  } else if (of === "BO_") {
    const message = readMessageReference(state, "CM_");
    const text = readProse(state);
    if (message !== undefined) message.comment = text;
  } else {
    if (of !== "" && !reader.atString()) reader.word("a name");
    readProse(state);
  }
  endStatement(state, "CM_");
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
  if (name === "GenMsgCycleTime") draft.defaultCycleMs = peekCycleMs(reader);
  if (name === "ProtocolType" && reader.atString()) draft.protocol ??= reader.string("the default");
  reader.skipStatement("BA_DEF_DEF_");
}

/** BA_ "name" [BU_ node | BO_ message | SG_ message signal | EV_ variable] value ; only long names, SPN, VFrameFormat, GenMsgCycleTime and ProtocolType are kept. */
export function readAttribute(state: ParseState): void {
  const { reader } = state;
  const name = reader.string("the attribute name");
  const of = reader.peekWord();
  if (name === "ProtocolType" && reader.atString()) state.draft.protocol = reader.string("the protocol");
  else if (of === "BO_") {
    reader.word("BO_");
    const message = readMessageReference(state, "BA_");
    if (name === "SystemMessageLongSymbol") {
      setLongName(message === undefined ? [] : [message], reader.string("the long name"));
    }
    if (name === "VFrameFormat") {
      const format = reader.atString() ? reader.string("the frame format") : reader.number("the frame format");
      if (message !== undefined) message.frameFormat = format;
    }
    if (name === "GenMsgCycleTime" && message !== undefined) message.cycleMs = peekCycleMs(reader);
  } else if (of === "SG_") {
    reader.word("SG_");
    const signals = readSignalReference(state, "BA_");
    if (name === "SystemSignalLongSymbol") setLongName(signals, reader.string("the long name"));
    if (name === "SPN") readSpn(state, signals);
  }
  reader.skipStatement("BA_");
}

/** SIG_VALTYPE_ message signal : 0|1|2 ; 1 is an IEEE single, 2 a double. */
export function readValueType(state: ParseState): void {
  const { reader, problems } = state;
  const at = reader.position();
  const signals = readSubject(state, "SIG_VALTYPE_", "type");
  for (const signal of signals) signal.problems += 1;
  reader.take(":");
  const type = reader.unsigned("the value type");
  reader.expect(";", "after the value type");
  if (type > 2) {
    problems.error(at, `value type ${type} is unknown (0 integer, 1 float, 2 double); the signal is left out`);
    return;
  }
  for (const signal of signals) {
    signal.problems -= 1;
    signal.isTyped = true;
    signal.kind = (["integer", "float", "double"] as const)[type];
  }
}

/** SG_MUL_VAL_ message signal multiplexer first-last, first-last ... ; */
export function readMultiplexing(state: ParseState): void {
  const { reader } = state;
  const at = reader.position();
  const signals = readSubject(state, "SG_MUL_VAL_", "ranges");
  for (const signal of signals) signal.problems += 1;
  const by = reader.word("the multiplexer");
  const ranges: (readonly [number, number])[] = [];
  do {
    const first = reader.digits("the first value");
    reader.expect("-", "between the first and the last value");
    const last = reader.digits("the last value");
    ranges.push([first, last]);
  } while (reader.take(","));
  reader.expect(";", "after the ranges");
  for (const signal of signals) {
    signal.problems -= 1;
    signal.multiplexing.push({ at, by, ranges });
  }
}

/** Undefined for what is no time: a cycle is only ever estimated with. */
function peekCycleMs(reader: ParseState["reader"]): number | undefined {
  const cycleMs = Number(reader.peekWord());
  return Number.isFinite(cycleMs) && cycleMs >= 0 ? cycleMs : undefined;
}

/** The number of a signal in SAE J1939-71; 0, which is none, is what files give to all others. */
function readSpn({ reader, problems }: ParseState, signals: readonly SignalDraft[]): void {
  const at = reader.position();
  const spn = reader.integer("the SPN");
  if (spn < 0 || spn > MAX_SPN) problems.warn(at, `SPN ${spn} is none (0 to ${MAX_SPN}); it is left out`);
  else for (const signal of signals) signal.spn = spn === 0 ? undefined : Number(spn);
}

function readChoices(state: ParseState, word: string): ValueTexts | undefined {
  const { reader, draft } = state;
  const choices: (readonly [raw: number | bigint, text: string])[] = [];
  while (!reader.take(";")) {
    if (reader.atEnd() || reader.atStatement()) {
      endStatement(state, word);
      break;
    }
    const at = reader.position();
    const value = reader.integer("a value or ';'");
    const text = reader.string("the text of the value");
    if (BigInt.asIntN(64, BigInt(value)) === BigInt(value) || BigInt.asUintN(64, BigInt(value)) === BigInt(value)) {
      choices.push([value, cutText(state, at, text)]);
    } else state.problems.warn(at, `value ${value} is beyond 64 bits; its text is left out`);
  }
  return draft.texts.share(valueTexts(choices));
}

function cutText({ problems }: ParseState, at: number, text: string): string {
  if (text.length <= MAX_VALUE_TEXT_CHARACTERS) return text;
  problems.warn(at, `the text has ${text.length} characters; it is cut after ${MAX_VALUE_TEXT_CHARACTERS}`);
  return text.slice(0, MAX_VALUE_TEXT_CHARACTERS);
}

/** The ';' may be missing where a new statement or the end of the file follows: the statement is whole all the same. */
function endStatement({ reader, problems }: ParseState, word: string): void {
  if (reader.take(";")) return;
  if (reader.atEnd() || reader.atStatement()) {
    problems.warn(reader.position(), `expected ';' at the end of the ${word} before`);
  } else reader.expect(";", `at the end of ${word}`);
}

function readProse({ reader, problems }: ParseState): string {
  const at = reader.position();
  const { text, problem } = reader.prose("the comment");
  if (problem !== undefined) problems.warn(at, problem);
  return text;
}

function readMessageReference({ reader, draft, problems }: ParseState, word: string): MessageDraft | undefined {
  const at = reader.position();
  const rawId = readMessageId(reader);
  const message = draft.byId.get(rawId);
  // The pseudo message is not kept, so what is said of its signals has no place.
  if (message === undefined && !INDEPENDENT_SIGNALS_IDS.has(rawId)) {
    problems.warn(at, `${word} names the unknown message ${rawId}`);
  }
  return message;
}

/** The signals that a statement is about: several where branches of a multiplexer share a name. */
function readSignalReference(state: ParseState, word: string): readonly SignalDraft[] {
  const message = readMessageReference(state, word);
  const at = state.reader.position();
  const name = state.reader.word("the signal name");
  const signals = message?.byName.get(name) ?? [];
  if (message !== undefined && signals.length === 0) {
    state.problems.warn(at, `${word} names the unknown signal ${name} of message ${message.name}`);
  }
  return signals;
}

/** Like `readSignalReference`, for statements without which a signal is read wrongly: one that names none is kept as a suspect. */
function readSubject(state: ParseState, word: string, about: Suspect["about"]): readonly SignalDraft[] {
  const { reader, draft } = state;
  const at = reader.position();
  const suspect: Suspect = { at, about, rawId: undefined, name: undefined };
  draft.suspects.push(suspect);
  suspect.rawId = readMessageId(reader);
  suspect.name = reader.word("the signal name");
  reader.seek(at);
  const signals = readSignalReference(state, word);
  if (signals.length > 0) draft.suspects.pop();
  return signals;
}

function setLongName(targets: readonly { longName: string | undefined }[], longName: string): void {
  if (longName === "") return;
  for (const target of targets) target.longName = longName;
}
