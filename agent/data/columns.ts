import type { SampleLog } from "./sample-log.ts";
import type { SignalEntry } from "./signal-table.ts";

/** The samples of one signal in the order they were taken. Views of shared memory, valid until the sorter is used again. */
export type Column = {
  readonly signal: SignalEntry;
  /** Receive times, µs since the Unix epoch. */
  readonly timesUs: Float64Array;
  /** Raw values; meaningless for a wide signal. */
  readonly values: Float64Array;
  /** The memory of `values` as pairs of 32-bit words: the 64 bits of a wide signal, in native byte order. */
  readonly words: Uint32Array;
};

/** Turns a log, which is ordered by frame, into columns. Keeps its memory between uses. */
export class ColumnSorter {
  readonly #signals: readonly SignalEntry[];
  /** Where the next sample of each signal goes. */
  readonly #next: Uint32Array;
  #timesUs = new Float64Array(0);
  #values = new Float64Array(0);
  #words = new Uint32Array(0);

  constructor(signals: readonly SignalEntry[]) {
    this.#signals = signals;
    this.#next = new Uint32Array(signals.length + 1);
  }

  /** Columns of the samples `from` .. `to - 1` of `log`, in table order; signals without a sample are left out. */
  sort(log: SampleLog, from: number, to: number): Column[] {
    if (to - from > this.#timesUs.length) this.#allocate(log.signals.length);
    const { signals, timesUs, words } = log;
    const next = this.#findStarts(signals, from, to);
    const sortedTimesUs = this.#timesUs;
    const sortedWords = this.#words;
    for (let sample = from; sample < to; sample++) {
      const signal = signals[sample];
      const at = next[signal];
      next[signal] = at + 1;
      sortedTimesUs[at] = timesUs[sample];
      sortedWords[at * 2] = words[sample * 2];
      sortedWords[at * 2 + 1] = words[sample * 2 + 1];
    }
    return this.#cut();
  }

  #findStarts(signals: Uint32Array, from: number, to: number): Uint32Array {
    const next = this.#next.fill(0);
    for (let sample = from; sample < to; sample++) next[signals[sample] + 1] += 1;
    for (let signal = 1; signal < next.length; signal++) next[signal] += next[signal - 1];
    return next;
  }

  /** After the scatter `#next` of a signal is the end of its run, which is the start of the one after it. */
  #cut(): Column[] {
    const columns: Column[] = [];
    let start = 0;
    for (const signal of this.#signals) {
      const end = this.#next[signal.index];
      if (end > start) {
        columns.push({
          signal,
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
