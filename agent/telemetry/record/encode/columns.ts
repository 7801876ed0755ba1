import type { SignalEntry } from "../../../signals/signal-entry.ts";
import type { Origin } from "../../../signals/signal-slots.ts";
import type { OutputSchema } from "../../collect/lane.ts";
import type { SampleLog } from "../../collect/sample-log.ts";

/** The samples of one signal, from one sender where these are told apart, in the order they were taken. Views of shared memory, valid until the sorter is used again. */
export type Column = {
  readonly signal: SignalEntry;
  readonly origin: Origin | undefined;
  /** Equal for columns whose samples come in the same frames. */
  readonly group: number;
  /** Receive times, µs since the Unix epoch. */
  readonly timesUs: Float64Array;
  /** Raw values; meaningless for a wide signal. */
  readonly values: Float64Array;
  /** The memory of `values` as pairs of 32-bit words: the 64 bits of a wide signal, in native byte order. */
  readonly words: Uint32Array;
};

/** Turns a log, which is ordered by frame, into columns. Keeps its memory between uses. */
export class ColumnSorter {
  /** Where the next sample of each slot goes. */
  #next = new Uint32Array(0);
  #timesUs = new Float64Array(0);
  #values = new Float64Array(0);
  #words = new Uint32Array(0);

  /** Columns of the samples `from` .. `to - 1` of `log`, whose slots are of `schema`, in the order of their slots; signals without a sample are left out. */
  sort({ slots: given }: OutputSchema, log: SampleLog, from: number, to: number): Column[] {
    if (to - from > this.#timesUs.length) this.#allocate(log.slots.length);
    const { slots, timesUs, words } = log;
    const next = this.#findStarts(given.count, slots, from, to);
    const sortedTimesUs = this.#timesUs;
    const sortedWords = this.#words;
    for (let sample = from; sample < to; sample++) {
      const slot = slots[sample];
      const at = next[slot];
      next[slot] = at + 1;
      sortedTimesUs[at] = timesUs[sample];
      sortedWords[at * 2] = words[sample * 2];
      sortedWords[at * 2 + 1] = words[sample * 2 + 1];
    }
    return this.#cut(given);
  }

  #findStarts(end: number, slots: Uint32Array, from: number, to: number): Uint32Array {
    if (end >= this.#next.length) this.#next = new Uint32Array(end * 2 + 1);
    const next = this.#next.fill(0, 0, end + 1);
    for (let sample = from; sample < to; sample++) next[slots[sample] + 1] += 1;
    for (let slot = 1; slot <= end; slot++) next[slot] += next[slot - 1];
    return next;
  }

  /** After the scatter `#next` of a slot is the end of its run, which is the start of the one after it. */
  #cut(slots: OutputSchema["slots"]): Column[] {
    const columns: Column[] = [];
    let start = 0;
    for (let slot = 0; slot < slots.count; slot++) {
      const end = this.#next[slot];
      if (end > start) {
        columns.push({
          signal: slots.signalOf(slot),
          origin: slots.originOf(slot),
          group: slots.groupOf(slot),
          timesUs: this.#timesUs.subarray(start, end),
          values: this.#values.subarray(start, end),
          words: this.#words.subarray(start * 2, end * 2),
        });
      }
      start = end;
    }
    return columns;
  }

  #allocate(capacity: number): void {
    this.#timesUs = new Float64Array(capacity);
    this.#words = new Uint32Array(capacity * 2);
    this.#values = new Float64Array(this.#words.buffer);
  }
}
