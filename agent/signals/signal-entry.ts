import type { ValueTexts } from "./value-texts.ts";

/** How a signal's bits are read: an integer of 1..64 bits, or an IEEE 754 single or double. */
export type SignalKind = "integer" | "float" | "double";

/** What a raw value says in the place of a number. */
export type SignalState = "not available" | "error";

/** Raw values `first` .. `last` that are no number but a state; below 2^32. */
export type StateRange = { readonly state: SignalState; readonly first: number; readonly last: number };

/** What a signal is in the COVESA Vehicle Signal Specification (VSS), and what its values are there. */
export type VssName = {
  /** For example "Vehicle.Speed". */
  readonly path: string;
  /** A unit of the catalogue; empty where the value has none. */
  readonly unit: string;
  readonly value: VssValue;
};

/** How a value in VSS comes from that of the signal. */
export type VssValue =
  /** VSS value = physical value * factor + offset. */
  | { readonly kind: "linear"; readonly factor: number; readonly offset: number }
  /** One by one, as texts by raw value; a raw value that is not here has none. */
  | { readonly kind: "values"; readonly values: ValueTexts }
  /** A CEL expression over `x`, the physical value; where it fails there is none. */
  | { readonly kind: "expression"; readonly expression: string };

/** What is worked out of the samples of a signal (config/proto/telemetry.proto, `Aggregate`, in its order from 1). */
export const AGGREGATES = [
  "min",
  "max",
  "mean",
  "count",
  "first",
  "last",
  "sum",
  "integral",
  "duration",
  "curve",
  "histogram",
  "counter",
] as const;
export type AggregateName = (typeof AGGREGATES)[number];

/** One signal of the table. Physical value = raw * factor + offset. */
export type SignalEntry = {
  /** Position in the table; also its slot in `SignalTable.values`. */
  readonly index: number;
  readonly bus: string;
  readonly message: string;
  readonly arbitrationId: number;
  readonly extended: boolean;
  readonly name: string;
  readonly unit: string;
  readonly factor: number;
  readonly offset: number;
  readonly kind: SignalKind;
  readonly signed: boolean;
  /** 1..64 */
  readonly bits: number;
  /** Of a message that is known by its parameter group, whoever sends it; undefined for one that is known by its id. */
  readonly pgn: number | undefined;
  /** Only as this source address sends it; undefined for any. The entries of a table mean any. */
  readonly source: number | undefined;
  /** Slot in `SignalTable.wides` of an integer that a float64 cannot hold exactly (bits > 53); -1 for all others. */
  readonly wide: number;
  /** Texts of raw values; undefined where there are none. */
  readonly texts: ValueTexts | undefined;
  /** Raw values that say a state in the place of a number; undefined where there are none. */
  readonly states?: readonly StateRange[] | undefined;
  /** Suspect parameter number (SAE J1939), where the DBC file has it. */
  readonly spn: number | undefined;
  /** Of one signal there may be several; they come in the order of their paths. */
  readonly vss: readonly VssName[];
  /** Of a campaign's own column: which aggregate of the signal it is; absent for its samples. */
  readonly aggregate?: AggregateName | undefined;
  /** Of an aggregate: its window, µs; 0 for a trip. */
  readonly windowUs?: number | undefined;
  /** Of a derived signal, whose bus and message are empty: the CEL expression that it is worked out by. */
  readonly expression?: string | undefined;
};

/**
 * Decodes one frame's data into the table's buffers: reads `bytes[at] .. bytes[at + length - 1]`, writes the raw value of each
 * wanted signal to `values[index]` (for a wide one its rounded value there, and the exact one to `wides[wide]`).
 *
 * When the message is `multiplexed` or `length` is below `neededBytes`, also writes `present[index]` = 1 or 0 for each of its
 * signals: 0 for one whose multiplexer branch is not active or whose bits lie past `length`. Otherwise all that are wanted are present
 * and `present` is left alone. Of a signal that nobody wants nothing is written, not even that it
 * is absent: `SignalTable.wanted` must be asked first.
 */
export type DecodeMessage = (
  bytes: Uint8Array,
  at: number,
  length: number,
  values: Float64Array,
  wides: BigInt64Array,
  present: Uint8Array,
) => void;

/**
 * How the content of a message comes: in frames that are known by its id or group, or as PDUs that somebody who asked for them hands over
 * (`Pipeline.takePdu`). Messages of PDUs are found by no frame and need no receive filter; their ids are for people, and may be those
 * of frames or of each other.
 */
export type Carriage = "frames" | "pdus";

/** One message of one bus. Its signals are `firstSignal` .. `firstSignal + signalCount - 1` of the table. */
export type MessageEntry = {
  readonly index: number;
  readonly bus: string;
  readonly name: string;
  readonly carriage: Carriage;
  readonly arbitrationId: number;
  readonly extended: boolean;
  /** The parameter group by which it is known, whatever priority, source and destination its id has; undefined when by its id. */
  readonly pgn: number | undefined;
  /** Where it is declared: "file:line". */
  readonly place: string;
  /** Data bytes the DBC declares. */
  readonly length: number;
  readonly firstSignal: number;
  readonly signalCount: number;
  /**
   * Fewest data bytes that hold every signal. A shorter frame is decoded as far as it goes, with `present` telling how far.
   */
  readonly neededBytes: number;
  /** Time between two frames as the DBC file has it (GenMsgCycleTime), ms; undefined where it does not say. */
  readonly cycleMs?: number | undefined;
  /** Whether `present` must be looked at even when the frame is long enough (the message is multiplexed). */
  readonly multiplexed: boolean;
  /** Whether a signal of it has states. */
  readonly hasStates: boolean;
  /** Decodes those of its signals that are wanted; another function when that changes (`SignalTable.want`). */
  readonly decode: DecodeMessage;
};
