import { largestId } from "../../ports/arbitration-id.ts";
import { type DatabaseDraft, EXTENDED_BIT, type ProblemList, type SignalOwner } from "./draft.ts";
import { type DbcReader, DbcSyntaxError, STATEMENT_WORDS } from "./reader.ts";

export type ParseState = {
  readonly reader: DbcReader;
  readonly draft: DatabaseDraft;
  readonly problems: ProblemList;
  /** What SG_ lines belong to. */
  owner: SignalOwner;
};

/** Ids under which files keep VECTOR__INDEPENDENT_SIG_MSG, the pseudo message of signals that are in no message. */
export const INDEPENDENT_SIGNALS_IDS: ReadonlySet<number> = new Set([0x4000_0000, 0xc000_0000]);
/** A J1939 transport protocol message (SAE J1939-21, 5.10) may be declared with this many bytes. */
const MAX_MESSAGE_BYTES = 1785;
/** What names of messages and signals are in a DBC file. */
export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** VERSION "text" */
export function readVersion({ reader, draft }: ParseState): void {
  draft.version = reader.string("the version text");
}

/** NS_ : names, each alone in its line, or many in one. */
export function readNewSymbols({ reader }: ParseState): void {
  reader.expect(":", "after NS_");
  if (!reader.lineEnds()) reader.restOfLine();
  for (;;) {
    const start = reader.position();
    const names = reader.restOfLine().split(/\s+/);
    const isAlone = names.length === 1 && /^[^\s:;,|@"()[\]]+$/.test(names[0]);
    if (!isAlone && !names.every((name) => STATEMENT_WORDS.has(name))) {
      reader.seek(start);
      return;
    }
  }
}

/** BS_: with an optional bit timing, which nothing uses any more. */
export function readBitTiming({ reader }: ParseState): void {
  reader.expect(":", "after BS_");
  if (reader.lineEnds() || reader.atStatement()) return;
  reader.number("the bit rate");
  if (!reader.take(":")) return;
  reader.number("BTR1");
  reader.expect(",", "between BTR1 and BTR2");
  reader.number("BTR2");
}

/** BU_: node node ... */
export function readNodes({ reader, draft }: ParseState): void {
  reader.expect(":", "after BU_");
  while (!reader.atStatement() && reader.peekWord() !== undefined) draft.nodes.push(reader.word("node name"));
}

/** BO_ id name: length sender */
export function readMessage(state: ParseState): void {
  const { reader, draft, problems } = state;
  // Should the line break off, the signals below it belong to no other message.
  state.owner = { kind: "none", why: undefined };
  const at = reader.position();
  const rawId = readMessageId(reader);
  const nameAt = reader.position();
  const name = reader.word("the message name");
  reader.expect(":", "after the message name");
  const length = reader.unsigned("the message length");
  const sender = reader.lineEnds() ? "" : reader.word("the sender");
  if (INDEPENDENT_SIGNALS_IDS.has(rawId)) return;
  const problem = messageProblem(rawId, name, length);
  if (problem !== undefined) {
    draft.lostIds.add(rawId);
    problems.error(at, `${problem}; the message is left out`);
    return;
  }
  if (!IDENTIFIER.test(name)) problems.warn(nameAt, `message name ${name} is not an identifier`);
  const open = { longName: undefined, comment: "", frameFormat: undefined, cycleMs: undefined, complete: true };
  const message = { at, rawId, name, length, sender, ...open, signals: [], byName: new Map() };
  state.owner = { kind: "message", message };
  draft.messages.push(message);
  if (!draft.byId.has(rawId)) draft.byId.set(rawId, message);
}

/** The id of a message. Throws `DbcSyntaxError`, which says what the id would be where the file has it in hexadecimal. */
export function readMessageId(reader: DbcReader): number {
  const word = reader.peekWord() ?? "";
  const hexadecimal = /^(?:0[xX]([0-9a-fA-F]{1,8})|(\d[0-9a-fA-F]{0,7})[hH]?)$/.exec(word);
  if (hexadecimal === null || /^\d+$/.test(word)) return reader.unsigned("the message id");
  const id = Number.parseInt(hexadecimal[1] ?? hexadecimal[2], 16);
  const added = id > largestId(false) && id < EXTENDED_BIT ? `${id + EXTENDED_BIT} as a 29-bit id` : `${id}`;
  throw new DbcSyntaxError(reader.position(), `the message id ${word} is hexadecimal; ids are decimal (${added})`);
}

function messageProblem(rawId: number, name: string, length: number): string | undefined {
  const extended = rawId >= EXTENDED_BIT;
  const id = extended ? rawId - EXTENDED_BIT : rawId;
  if (id > largestId(extended)) {
    return `message id ${rawId} of ${name} has more than ${extended ? "29 bits" : "11 bits; a 29-bit id needs 2147483648 added"}`;
  }
  if (length > MAX_MESSAGE_BYTES) return `message ${name} is longer than ${MAX_MESSAGE_BYTES} bytes`;
  return undefined;
}
