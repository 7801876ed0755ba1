import type { ProblemList, SignalDraft } from "./draft.ts";
import { type DbcReader, DbcSyntaxError } from "./reader.ts";
import { IDENTIFIER, type ParseState } from "./statements.ts";

const MAX_FRAME_BYTES = 64;
const MAX_BITS = 64;

/** SG_ name [M|m0|m0M] : start|bits@order sign (factor,offset) [minimum|maximum] "unit" receivers */
export function readSignal({ reader, problems, owner }: ParseState): void {
  const at = reader.position();
  const signal = readLine(reader, problems, at);
  if (owner.kind === "none") {
    if (owner.why !== undefined) problems.error(at, `signal ${signal.name} is left out: ${owner.why}`);
    return;
  }
  const { message } = owner;
  const problem = layoutProblem(signal, message.length);
  if (problem !== undefined) {
    const severity = isProblem(signal, message.length) ? "error" : "warn";
    problems[severity](at, `${problem}; it is left out`);
    message.complete = false;
    return;
  }
  if (!IDENTIFIER.test(signal.name)) problems.warn(at, `signal name ${signal.name} is not an identifier`);
  message.signals.push(signal);
  const namesakes = message.byName.get(signal.name) ?? [];
  namesakes.push(signal);
  message.byName.set(signal.name, namesakes);
}

function readLine(reader: DbcReader, problems: ProblemList, at: number): SignalDraft {
  const name = reader.word("the signal name");
  const indicator = readIndicator(reader, problems);
  reader.expect(":", "after the signal name");
  const startBit = reader.unsigned("the start bit");
  reader.expect("|", "after the start bit");
  const bits = reader.unsigned("the signal size");
  reader.expect("@", "after the signal size");
  const order = readByteOrder(reader);
  const scale = readScale(reader);
  const range = readRange(reader, problems);
  const unit = reader.string("the unit");
  const receivers = readReceivers(reader);
  const open = {
    longName: undefined,
    kind: "integer" as const,
    isTyped: false,
    comment: "",
    multiplexing: [],
    problems: 0,
  };
  const given = { at, name, indicator, startBit, bits, ...order, ...scale, ...range, unit, receivers };
  return { ...given, ...open, choices: undefined, spn: undefined };
}

function readScale(reader: DbcReader): { factor: number; offset: number } {
  reader.expect("(", "before the factor");
  const factor = reader.number("the factor");
  reader.expect(",", "between factor and offset");
  const offset = reader.number("the offset");
  reader.expect(")", "after the offset");
  return { factor, offset };
}

/** The bounds say nothing of how a value is read, so one that is no number costs the bound alone. */
function readRange(reader: DbcReader, problems: ProblemList): { minimum: number; maximum: number } {
  reader.expect("[", "before the minimum");
  const minimum = readBound(reader, problems, "the minimum", Number.NEGATIVE_INFINITY);
  reader.expect("|", "between minimum and maximum");
  const maximum = readBound(reader, problems, "the maximum", Number.POSITIVE_INFINITY);
  reader.expect("]", "after the maximum");
  return { minimum, maximum };
}

function readBound(reader: DbcReader, problems: ProblemList, what: string, open: number): number {
  const at = reader.position();
  const text = reader.peekWord();
  if (text === undefined) {
    problems.warn(at, `${what} is missing; there is none`);
    return 0;
  }
  const value = reader.numberOrInfinite(what);
  if (value !== undefined && Number.isFinite(value)) return value;
  problems.warn(at, `${what} ${text} is beyond a 64-bit number; there is none`);
  return open;
}

/** Whether the file is wrong, rather than this agent unable to decode what it says. */
function isProblem({ startBit, bits }: SignalDraft, messageBytes: number): boolean {
  // A longer message comes in several frames (transport protocol), and has long texts.
  if (messageBytes > MAX_FRAME_BYTES && startBit < messageBytes * 8) return false;
  return bits <= MAX_BITS || startBit >= messageBytes * 8;
}

function layoutProblem(
  { name, startBit, bits, factor, offset }: SignalDraft,
  messageBytes: number,
): string | undefined {
  if (bits < 1 || bits > MAX_BITS) return `signal ${name} has ${bits} bits; 1 to ${MAX_BITS} can be read`;
  if (startBit >= Math.max(MAX_FRAME_BYTES, messageBytes) * 8)
    return `signal ${name} starts at bit ${startBit}, past the longest frame`;
  if (factor === 0) return `signal ${name} has the factor 0: every raw value would mean ${offset}`;
  return undefined;
}

function readIndicator(reader: DbcReader, problems: ProblemList): SignalDraft["indicator"] {
  const at = reader.position();
  if (reader.peekWord() === undefined) return { multiplexer: false, value: undefined };
  const word = reader.word("multiplexer indicator");
  const match = /^(?:m(\d{1,15}))?(M?)$/.exec(word);
  const text = `expected ':', M, m<number> or m<number>M, found ${word}`;
  if (match === null && word !== "m") throw new DbcSyntaxError(at, text);
  // An m without its number makes the signal no multiplexed one; its own bits are still sure.
  if (match === null) problems.error(at, `${text}; the signal is taken to be in every frame`);
  return { multiplexer: match?.[2] === "M", value: match?.[1] === undefined ? undefined : Number(match[1]) };
}

function readByteOrder(reader: DbcReader): { byteOrder: "little" | "big"; signed: boolean } {
  const at = reader.position();
  const order = reader.word("byte order and sign");
  // Some tools put a space between the two.
  const word = order.length === 1 ? order + reader.word("the sign") : order;
  if (!/^[01][+-]$/.test(word)) throw new DbcSyntaxError(at, `expected 0+, 0-, 1+ or 1- after '@', found ${word}`);
  return { byteOrder: word[0] === "1" ? "little" : "big", signed: word[1] === "-" };
}

function readReceivers(reader: DbcReader): readonly string[] {
  if (reader.lineEnds()) return [];
  return reader
    .restOfLine()
    .split(/[\s,;]+/)
    .filter((receiver) => receiver !== "");
}
