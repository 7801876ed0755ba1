import type { DbcSignal } from "../dbc/model.ts";

/** What decoding needs to know of a signal. Names count only where a signal depends on another of its message. */
export type CodedSignal = Pick<
  DbcSignal,
  "name" | "kind" | "signed" | "startBit" | "bits" | "byteOrder" | "multiplexer" | "multiplexing"
>;

/** The signals of a message and where their slots begin in `values`/`present` and in `wides`. */
export type DecodePlan = {
  readonly message: { readonly signals: readonly CodedSignal[] };
  readonly firstSignal: number;
  readonly firstWide: number;
};

const KINDS = ["integer", "float", "double"] as const;

/** Fields of a word of `#words`, from the lowest bit on: 0..65535, 1..64, an index of `KINDS`, and three flags. */
const START_BITS = 16;
const SHIFT = { bits: 16, kind: 23, signed: 25, big: 26, multiplexer: 27 } as const;

/**
 * What decoders are made of, for all messages of a table, so that they can be made anew when the DBC files are long forgotten: some 16
 * bytes a signal, where the parsed file takes some hundred.
 */
export class PackedLayouts {
  readonly #firstSignals: Uint32Array;
  readonly #firstWides: Uint32Array;
  // From here on by signal of the table.
  readonly #words: Uint32Array;
  /** Position in its message of the multiplexer that it depends on; -1 for none. */
  readonly #multiplexers: Int32Array;
  /** Where its pairs in `#ranges` begin; the next one's is where they end. */
  readonly #rangesAt: Uint32Array;
  /** Values of multiplexers as pairs, first and last. */
  readonly #ranges: Float64Array;

  /** Of messages whose signals follow one another in the table. */
  constructor(plans: readonly DecodePlan[]) {
    const signals = plans.flatMap(({ message }) => message.signals);
    const ranges = signals.map(({ multiplexing }) => multiplexing?.ranges ?? []);
    this.#firstSignals = Uint32Array.from([...plans.map(({ firstSignal }) => firstSignal), signals.length]);
    this.#firstWides = Uint32Array.from(plans, ({ firstWide }) => firstWide);
    this.#words = Uint32Array.from(signals, wordOf);
    this.#multiplexers = Int32Array.from(plans.flatMap(({ message }) => multiplexersOf(message.signals)));
    this.#ranges = Float64Array.from(ranges.flat(2));
    this.#rangesAt = new Uint32Array(signals.length + 1);
    ranges.forEach((own, index) => {
      this.#rangesAt[index + 1] = this.#rangesAt[index] + own.length * 2;
    });
  }

  /** The plan of a message by its index. Its signals are named by their positions in the message. */
  planOf(message: number): DecodePlan {
    const firstSignal = this.#firstSignals[message];
    const count = this.#firstSignals[message + 1] - firstSignal;
    const signals = Array.from({ length: count }, (_, position) => this.#signalAt(firstSignal + position, position));
    return { message: { signals }, firstSignal, firstWide: this.#firstWides[message] };
  }

  #signalAt(index: number, position: number): CodedSignal {
    const word = this.#words[index];
    const by = this.#multiplexers[index];
    return {
      name: String(position),
      kind: KINDS[(word >>> SHIFT.kind) & 3],
      signed: isSet(word, SHIFT.signed),
      startBit: word & (2 ** START_BITS - 1),
      bits: (word >>> SHIFT.bits) & 127,
      byteOrder: isSet(word, SHIFT.big) ? "big" : "little",
      multiplexer: isSet(word, SHIFT.multiplexer),
      multiplexing: by < 0 ? undefined : { by: String(by), ranges: this.#rangesOf(index) },
    };
  }

  #rangesOf(index: number): readonly (readonly [first: number, last: number])[] {
    const at = this.#rangesAt[index];
    const count = (this.#rangesAt[index + 1] - at) / 2;
    return Array.from({ length: count }, (_, pair) => [this.#ranges[at + pair * 2], this.#ranges[at + pair * 2 + 1]]);
  }
}

function wordOf({ startBit, bits, kind, signed, byteOrder, multiplexer }: CodedSignal): number {
  return (
    startBit +
    (bits << SHIFT.bits) +
    (KINDS.indexOf(kind) << SHIFT.kind) +
    (signed ? 1 << SHIFT.signed : 0) +
    (byteOrder === "big" ? 1 << SHIFT.big : 0) +
    (multiplexer ? 1 << SHIFT.multiplexer : 0)
  );
}

function isSet(word: number, bit: number): boolean {
  return ((word >>> bit) & 1) === 1;
}

/** A name is that of one multiplexer (see `resolveMultiplexing`), though several signals that exclude each other may share another. */
function multiplexersOf(signals: readonly CodedSignal[]): readonly number[] {
  const positions = new Map(signals.map(({ name }, position) => [name, position]));
  return signals.map(({ multiplexing }) => (multiplexing === undefined ? -1 : (positions.get(multiplexing.by) ?? -1)));
}
