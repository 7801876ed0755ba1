import type { ValueTextPool, ValueTexts } from "../value-texts.ts";
import type { ByteOrder, DbcProblem } from "./model.ts";

/** Marks a 29-bit id in BO_ (Vector, "DBC File Format Documentation", 8.1). */
export const EXTENDED_BIT = 0x8000_0000;

/** What one SG_MUL_VAL_ says of a signal. */
export type DraftMultiplexing = {
  readonly at: number;
  readonly by: string;
  readonly ranges: readonly (readonly [first: number, last: number])[];
};

/** A signal as its SG_ line gives it, before later statements have been applied. Offsets are places in the text. */
export type SignalDraft = {
  readonly at: number;
  readonly name: string;
  longName: string | undefined;
  /** "M", "m3", "m3M" or undefined, as written. */
  readonly indicator: { readonly multiplexer: boolean; readonly value: number | undefined };
  readonly startBit: number;
  readonly bits: number;
  readonly byteOrder: ByteOrder;
  readonly signed: boolean;
  kind: "integer" | "float" | "double";
  /** Whether a SIG_VALTYPE_ said so. */
  isTyped: boolean;
  readonly factor: number;
  readonly offset: number;
  /** Infinite where the file's bound is beyond float64. */
  readonly minimum: number;
  readonly maximum: number;
  readonly unit: string;
  readonly receivers: readonly string[];
  comment: string;
  /** From SG_MUL_VAL_, in the order of the file. */
  readonly multiplexing: DraftMultiplexing[];
  choices: ValueTexts | undefined;
  spn: number | undefined;
  /** Statements about how it is read that could not be read whole, or contradict each other: with any, it cannot be decoded. */
  problems: number;
};

/** A statement about how a signal is read, of which it is not known which signal it is about. */
export type Suspect = {
  readonly at: number;
  readonly about: "type" | "ranges";
  /** As far as it could be read. */
  rawId: number | undefined;
  name: string | undefined;
};

/** Where SG_ lines go: to a message, or nowhere and, where `why` is not told yet, why. */
export type SignalOwner =
  | { readonly kind: "message"; readonly message: MessageDraft }
  | { readonly kind: "none"; readonly why: string | undefined };

/** A message as its BO_ line gives it. */
export type MessageDraft = {
  readonly at: number;
  /** As written: bit 31 set for a 29-bit id. */
  readonly rawId: number;
  readonly name: string;
  longName: string | undefined;
  readonly length: number;
  readonly sender: string;
  comment: string;
  frameFormat: number | string | undefined;
  /** As the file has it: 0 for none. */
  cycleMs: number | undefined;
  readonly signals: SignalDraft[];
  /** The signals by name. Branches of a multiplexer may use a name again. */
  readonly byName: Map<string, SignalDraft[]>;
  /** False when a line that belongs to it, or may, could not be read. */
  complete: boolean;
};

/** All that has been read of a file so far. */
export type DatabaseDraft = {
  version: string;
  nodes: string[];
  readonly messages: MessageDraft[];
  /** The messages by `rawId`; the first where there are several. */
  readonly byId: Map<number, MessageDraft>;
  /** Ids of messages that are left out, so that what is said of them is not taken for damaged. */
  readonly lostIds: Set<number>;
  readonly suspects: Suspect[];
  readonly valueTables: Map<string, ValueTexts | undefined>;
  readonly texts: ValueTextPool;
  /** Texts of the enumeration VFrameFormat and its default; empty and undefined when the file does not define it. */
  frameFormats: readonly string[];
  defaultFrameFormat: string | undefined;
  /** Of the attribute GenMsgCycleTime. */
  defaultCycleMs: number | undefined;
  /** The attribute ProtocolType of the database. */
  protocol: string | undefined;
};

/** Most errors, and most warnings, that are kept of one file. */
export const MAX_DBC_PROBLEMS = 1000;

/** Collects problems with their line and column. */
export class ProblemList {
  readonly errors: DbcProblem[] = [];
  readonly warnings: DbcProblem[] = [];
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
  }

  /** Line of an offset, from 1. */
  lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#lineStarts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  error(offset: number, text: string): void {
    this.#add(this.errors, offset, text);
  }

  warn(offset: number, text: string): void {
    this.#add(this.warnings, offset, text);
  }

  #add(list: DbcProblem[], offset: number, text: string): void {
    if (list.length > MAX_DBC_PROBLEMS) return;
    const line = this.lineOf(offset);
    const column = offset - this.#lineStarts[line - 1] + 1;
    list.push(list.length < MAX_DBC_PROBLEMS ? { line, column, text } : { line, column, text: "more follow" });
  }
}
