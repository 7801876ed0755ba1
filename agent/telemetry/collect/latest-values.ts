import type { LatestValue } from "../../signals/latest-signals.ts";
import type { MessageEntry, SignalEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { Reading } from "./sampler.ts";

/**
 * The newest value of every signal, collected or not, side by side by slot (see `SignalSlots`). `note` is on the frame path: it reads
 * what has just been decoded into the table's buffers, and allocates nothing.
 */
export class LatestValues {
  /** When each was last seen, µs since the Unix epoch; NaN: never. */
  readonly seenUs: Float64Array;
  /** The memory of the values as pairs of 32-bit words: a wide signal's 64 bits in native byte order. */
  readonly words: Uint32Array;
  /** How often each was seen since the start; begins anew at 2^32. */
  readonly #counts: Uint32Array;
  readonly #values: Float64Array;
  readonly #table: SignalTable;
  /** What has just been decoded, by signal. */
  readonly #decoded: Float64Array;
  /** Position in `SignalTable.wides` of each signal, or -1. */
  readonly #wideSlots: Int32Array;
  readonly #wideWords: Uint32Array;

  constructor(table: SignalTable) {
    const count = table.slots.capacity;
    this.#table = table;
    this.#values = new Float64Array(count);
    this.words = new Uint32Array(this.#values.buffer);
    this.seenUs = new Float64Array(count).fill(Number.NaN);
    this.#counts = new Uint32Array(count);
    this.#decoded = table.values;
    this.#wideSlots = Int32Array.from(table.signals, (signal) => signal.wide);
    this.#wideWords = new Uint32Array(table.wides.buffer, table.wides.byteOffset, table.wides.length * 2);
  }

  /** Takes the value just decoded for the newest. */
  note(signal: number, slot: number, timeUs: number): void {
    this.seenUs[slot] = timeUs;
    this.#counts[slot] += 1;
    const wide = this.#wideSlots[signal];
    if (wide < 0) {
      this.#values[slot] = this.#decoded[signal];
    } else {
      this.words[slot * 2] = this.#wideWords[wide * 2];
      this.words[slot * 2 + 1] = this.#wideWords[wide * 2 + 1];
    }
  }

  /** The signals of a message were never seen, whoever sent it. */
  forget({ index, firstSignal, signalCount }: MessageEntry): void {
    const { senders } = this.#table.slots;
    const sent = senders.flatMap(({ message, firstSlot }) => (message.index === index ? [firstSlot] : []));
    for (const firstSlot of [firstSignal, ...sent]) this.seenUs.fill(Number.NaN, firstSlot, firstSlot + signalCount);
  }

  /** The wall clock was set: when each was seen is told by the new one from now on. */
  clockSet(byUs: number): void {
    for (let slot = 0; slot < this.seenUs.length; slot++) this.seenUs[slot] += byUs;
  }

  /** The newest value of every signal seen so far, in the order of their slots. */
  list(): LatestValue[] {
    const found: LatestValue[] = [];
    for (let slot = 0; slot < this.#table.slots.count; slot++) {
      const latest = this.#latestAt(slot);
      if (latest !== undefined) found.push(latest);
    }
    return found;
  }

  /** Reads what is known of a slot into `reading`; false where it was never seen. */
  readInto(slot: number, reading: Reading): boolean {
    const timeUs = this.seenUs[slot];
    if (Number.isNaN(timeUs)) return false;
    reading.slot = slot;
    reading.timeUs = timeUs;
    reading.low = this.words[slot * 2];
    reading.high = this.words[slot * 2 + 1];
    const signal = this.#table.slots.signalOf(slot);
    const raw = Number(this.#rawOf(signal, slot));
    reading.raw = this.#table.states?.isState(signal.index, raw) === true ? Number.NaN : raw;
    return true;
  }

  /**
   * The newest value of one signal; undefined until it is seen. Of a message known by its PGN also undefined while several send it and
   * `signal` names none of them: which one is meant is not guessed.
   */
  latestOf(signal: SignalEntry): LatestValue | undefined {
    if (signal.pgn === undefined) return this.#latestAt(signal.index);
    const found: LatestValue[] = [];
    for (const { message, origin, firstSlot } of this.#table.slots.senders) {
      const offset = signal.index - message.firstSignal;
      if (offset < 0 || offset >= message.signalCount) continue;
      const latest = this.#latestAt(firstSlot + offset);
      if (latest !== undefined && (signal.source ?? origin.source) === origin.source) found.push(latest);
    }
    return found.length === 1 ? found[0] : undefined;
  }

  #latestAt(slot: number): LatestValue | undefined {
    const timeUs = this.seenUs[slot];
    if (Number.isNaN(timeUs)) return undefined;
    const signal = this.#table.slots.signalOf(slot);
    const origin = this.#table.slots.originOf(slot);
    return { signal, origin, timeUs, raw: this.#rawOf(signal, slot), count: this.#counts[slot] };
  }

  #rawOf({ wide, signed }: SignalEntry, slot: number): number | bigint {
    if (wide < 0) return this.#values[slot];
    const bits = new BigInt64Array(this.#values.buffer)[slot];
    const exact = signed ? bits : BigInt.asUintN(64, bits);
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }
}
