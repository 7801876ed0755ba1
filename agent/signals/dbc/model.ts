import type { ValueTexts } from "../value-texts.ts";

/** One thing wrong with a DBC file, at its place. Lines and columns count from 1; columns count UTF-16 units. */
export type DbcProblem = { readonly line: number; readonly column: number; readonly text: string };

/** Which byte of a signal comes first. "little": `startBit` is its least significant bit; "big": its most significant bit. */
export type ByteOrder = "little" | "big";

/** Where a signal's bits are: DBC bit numbers count byte * 8 + bit, bit 0 being the least significant of its byte. */
export type SignalLayout = {
  /** 0..14,279 in a DBC file, up to 65,535 where others describe a message. */
  readonly startBit: number;
  /** 1..64 */
  readonly bits: number;
  readonly byteOrder: ByteOrder;
};

/**
 * When a multiplexed signal is in the frame: while the bits of signal `by`, read as unsigned, lie in one of `ranges`, both ends
 * included. Ranges of a file are never negative, so of a signed multiplexer they can only mean its bits.
 */
export type Multiplexing = {
  readonly by: string;
  readonly ranges: readonly (readonly [first: number, last: number])[];
};

/** One signal of a message. Physical value = raw * factor + offset. */
export type DbcSignal = SignalLayout & {
  /** The long name where the file gives one. */
  readonly name: string;
  readonly kind: "integer" | "float" | "double";
  readonly signed: boolean;
  readonly factor: number;
  readonly offset: number;
  /** Physical bounds as the file states them; both 0 when it states none, infinite where they are beyond float64. */
  readonly minimum: number;
  readonly maximum: number;
  readonly unit: string;
  readonly receivers: readonly string[];
  readonly comment: string;
  /** Whether other signals depend on its value. */
  readonly multiplexer: boolean;
  /** Undefined when the signal is in every frame. */
  readonly multiplexing: Multiplexing | undefined;
  /** Texts of raw values (VAL_), shared by all signals with the same ones; undefined where it has none. */
  readonly choices: ValueTexts | undefined;
  /** Suspect parameter number (SAE J1939), from the attribute SPN; undefined where the file has none, or 0. */
  readonly spn: number | undefined;
  readonly line: number;
};

/** One message. */
export type DbcMessage = {
  /** Arbitration id: 11 bits, or 29 bits when `extended`. */
  readonly id: number;
  readonly extended: boolean;
  /**
   * The parameter group by which its frames are known, whatever their priority, source and destination (SAE J1939-21), where the file
   * says so: by VFrameFormat J1939PG, or by ProtocolType. Undefined when by their id.
   */
  readonly pgn: number | undefined;
  /** Whether the file says that values are as SAE J1939-71 has them, which keeps some for "not available" and "error". */
  readonly j1939?: boolean | undefined;
  /** Whether the file declares it a CAN FD frame: by VFrameFormat, or by more than 8 bytes where that attribute is not used. */
  readonly fd: boolean;
  /** The long name where the file gives one. */
  readonly name: string;
  /** Data bytes. */
  readonly length: number;
  readonly sender: string;
  readonly comment: string;
  /** Time between two frames, ms (attribute GenMsgCycleTime); undefined where the file does not say it, or has 0. */
  readonly cycleMs: number | undefined;
  /** In the order of the file. A name comes again only in branches of a multiplexer that exclude each other. */
  readonly signals: readonly DbcSignal[];
  /** False when a line that belongs to it, or may, was left out: what is here is right, but a frame made of it may not be. */
  readonly complete: boolean;
  readonly line: number;
};

/** What a DBC file declares, as far as it could be read. */
export type DbcDatabase = {
  readonly version: string;
  readonly nodes: readonly string[];
  /** In the order of the file; ids are unique. */
  readonly messages: readonly DbcMessage[];
};

/** A database with everything that is wrong with its file. What is damaged, or in doubt, is not in the database. */
export type ParsedDbc = {
  readonly database: DbcDatabase;
  /** Each has cost a message or a signal. */
  readonly errors: readonly DbcProblem[];
  /** What may not be as meant, has cost a comment or another text, or cannot be decoded by this agent. */
  readonly warnings: readonly DbcProblem[];
};
