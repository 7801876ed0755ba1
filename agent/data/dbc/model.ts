/** One thing wrong with a DBC file, at its place. Lines and columns count from 1; columns count UTF-16 units. */
export type DbcProblem = { readonly line: number; readonly column: number; readonly text: string };

/** Which byte of a signal comes first. "little": `startBit` is its least significant bit; "big": its most significant bit. */
export type ByteOrder = "little" | "big";

/** Where a signal's bits are: DBC bit numbers count byte * 8 + bit, bit 0 being the least significant of its byte. */
export type SignalLayout = {
  /** 0..511 */
  readonly startBit: number;
  /** 1..64 */
  readonly bits: number;
  readonly byteOrder: ByteOrder;
};

/** When a multiplexed signal is in the frame: while the raw value of signal `by` lies in one of `ranges`, both ends included. */
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
  /** Physical bounds as the file states them; both 0 when it states none. */
  readonly minimum: number;
  readonly maximum: number;
  readonly unit: string;
  readonly receivers: readonly string[];
  readonly comment: string;
  /** Whether other signals depend on its value. */
  readonly multiplexer: boolean;
  /** Undefined when the signal is in every frame. */
  readonly multiplexing: Multiplexing | undefined;
  /** Texts of raw values; keys beyond 2^53 are bigint. */
  readonly choices: ReadonlyMap<number | bigint, string>;
  readonly line: number;
};

/** One message. */
export type DbcMessage = {
  /** Arbitration id: 11 bits, or 29 bits when `extended`. */
  readonly id: number;
  readonly extended: boolean;
  /** Whether the file declares it a CAN FD frame: by VFrameFormat, or by more than 8 bytes where that attribute is not used. */
  readonly fd: boolean;
  /** The long name where the file gives one. */
  readonly name: string;
  /** Data bytes. */
  readonly length: number;
  readonly sender: string;
  readonly comment: string;
  /** In the order of the file. */
  readonly signals: readonly DbcSignal[];
  readonly line: number;
};

/** What a DBC file declares, as far as it could be read. */
export type DbcDatabase = {
  readonly version: string;
  readonly nodes: readonly string[];
  /** In the order of the file; ids and the signal names of one message are unique. */
  readonly messages: readonly DbcMessage[];
};

/** A database with everything that is wrong with its file. With errors, the database holds what could be read. */
export type ParsedDbc = {
  readonly database: DbcDatabase;
  readonly errors: readonly DbcProblem[];
  readonly warnings: readonly DbcProblem[];
};
