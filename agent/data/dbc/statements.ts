import type { DatabaseDraft, MessageDraft, ProblemList, SignalDraft } from "./draft.ts";
import { type DbcReader, DbcSyntaxError } from "./reader.ts";

/** What a statement reader works on. */
export type ParseState = {
  readonly reader: DbcReader;
  readonly draft: DatabaseDraft;
  readonly problems: ProblemList;
  /** The message that SG_ lines belong to; undefined before the first BO_ and after a refused one. */
  message: MessageDraft | undefined;
};

/** Ids under which files keep VECTOR__INDEPENDENT_SIG_MSG, the pseudo message of signals that are in no message. */
export const INDEPENDENT_SIGNALS_IDS: ReadonlySet<number> = new Set([0x4000_0000, 0xc000_0000]);
const MAX_FRAME_BYTES = 64;
/** A J1939 transport protocol message (SAE J1939-21, 5.10) may be declared with this many bytes. */
const MAX_MESSAGE_BYTES = 1785;
/** Marks a 29-bit id in BO_ (Vector, "DBC File Format Documentation", 8.1). */
const EXTENDED_BIT = 0x8000_0000;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** VERSION "text" */
export function readVersion({ reader, draft }: ParseState): void {
  draft.version = reader.string("the version text");
}

/** NS_ : names, each alone in its line. */
export function readNewSymbols({ reader }: ParseState): void {
  reader.expect(":", "after NS_");
  for (;;) {
    const start = reader.position();
    if (reader.peekWord() === undefined) return;
    reader.word("name");
    if (!reader.lineEnds()) {
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
  state.message = undefined;
  const at = reader.position();
  const rawId = reader.unsigned("the message id");
  const nameAt = reader.position();
  const name = reader.word("the message name");
  reader.expect(":", "after the message name");
  const length = reader.unsigned("the message length");
  const sender = reader.lineEnds() ? "" : reader.word("the sender");
  if (INDEPENDENT_SIGNALS_IDS.has(rawId)) return;
  const problem = messageProblem(draft, rawId, name, length);
  if (problem !== undefined) {
    problems.error(at, problem);
    return;
  }
  if (!IDENTIFIER.test(name)) problems.warn(nameAt, `message name ${name} is not an identifier`);
  const signals = new Map<string, SignalDraft>();
  const message = { at, rawId, name, length, sender, signals };
  state.message = { ...message, longName: undefined, comment: "", frameFormat: undefined };
  draft.messages.set(rawId, state.message);
}

/** SG_ name [M|m0|m0M] : start|bits@order sign (factor,offset) [minimum|maximum] "unit" receivers */
export function readSignal({ reader, problems, message }: ParseState): void {
  const at = reader.position();
  const name = reader.word("the signal name");
  const indicator = readIndicator(reader, problems);
  reader.expect(":", "after the signal name");
  const startBit = reader.unsigned("the start bit");
  reader.expect("|", "after the start bit");
  const bits = reader.unsigned("the signal size");
  reader.expect("@", "after the signal size");
  const order = readByteOrder(reader);
  reader.expect("(", "before the factor");
  const factor = reader.number("the factor");
  reader.expect(",", "between factor and offset");
  const offset = reader.number("the offset");
  reader.expect(")", "after the offset");
  reader.expect("[", "before the minimum");
  const minimum = reader.number("the minimum");
  reader.expect("|", "between minimum and maximum");
  const maximum = reader.number("the maximum");
  reader.expect("]", "after the maximum");
  const unit = reader.string("the unit");
  const receivers = readReceivers(reader);
  if (message === undefined) return;
  const problem = message.signals.has(name)
    ? `signal ${name} is twice in message ${message.name}`
    : layoutProblem(name, startBit, bits);
  if (problem !== undefined) {
    // A longer message comes in several frames (transport protocol): its later signals are right, but not in one frame.
    if (message.length > MAX_FRAME_BYTES && startBit < message.length * 8) problems.warn(at, problem);
    else problems.error(at, problem);
    return;
  }
  if (!IDENTIFIER.test(name)) problems.warn(at, `signal name ${name} is not an identifier`);
  if (factor === 0) problems.error(at, `signal ${name} has the factor 0: every raw value would mean ${offset}`);
  const scale = { factor, offset, minimum, maximum, unit };
  const open = { longName: undefined, kind: "integer" as const, comment: "", multiplexing: undefined };
  const signal = { at, name, indicator, startBit, bits, ...order, ...scale, receivers, ...open };
  message.signals.set(name, { ...signal, choices: new Map() });
}

function messageProblem(draft: DatabaseDraft, rawId: number, name: string, length: number): string | undefined {
  const known = draft.messages.get(rawId);
  if (known !== undefined) return `message id ${rawId} of ${name} is already that of ${known.name}`;
  const extended = rawId >= EXTENDED_BIT;
  const id = extended ? rawId - EXTENDED_BIT : rawId;
  if (id > (extended ? 0x1fff_ffff : 0x7ff)) {
    return `message id ${rawId} of ${name} has more than ${extended ? "29 bits" : "11 bits; a 29-bit id needs 2147483648 added"}`;
  }
  if (length > MAX_MESSAGE_BYTES) return `message ${name} is longer than ${MAX_MESSAGE_BYTES} bytes`;
  return undefined;
}

function layoutProblem(name: string, startBit: number, bits: number): string | undefined {
  if (bits < 1 || bits > 64) return `signal ${name} has ${bits} bits; 1 to 64 can be read`;
  if (startBit >= MAX_FRAME_BYTES * 8) return `signal ${name} starts at bit ${startBit}, past the longest frame`;
  return undefined;
}

function readIndicator(reader: DbcReader, problems: ProblemList): SignalDraft["indicator"] {
  const at = reader.position();
  if (reader.peekWord() === undefined) return { multiplexer: false, value: undefined };
  const word = reader.word("multiplexer indicator");
  const match = /^(?:m(\d{1,10}))?(M?)$/.exec(word);
  if (match !== null) {
    return { multiplexer: match[2] === "M", value: match[1] === undefined ? undefined : Number(match[1]) };
  }
  const text = `expected ':', M, m<number> or m<number>M, found ${word}`;
  if (word !== "m") throw new DbcSyntaxError(at, text);
  // An m without its number makes the signal no multiplexer, but its own bits are still sure.
  problems.error(at, text);
  return { multiplexer: false, value: undefined };
}

function readByteOrder(reader: DbcReader): { byteOrder: "little" | "big"; signed: boolean } {
  const at = reader.position();
  const word = reader.word("byte order and sign");
  if (!/^[01][+-]$/.test(word)) throw new DbcSyntaxError(at, `expected 0+, 0-, 1+ or 1- after '@', found ${word}`);
  return { byteOrder: word[0] === "1" ? "little" : "big", signed: word[1] === "-" };
}

function readReceivers(reader: DbcReader): readonly string[] {
  const receivers: string[] = [];
  while (!reader.lineEnds()) {
    if (!reader.take(",")) receivers.push(reader.word("a receiver"));
  }
  return receivers;
}
