import type { RecordFacts, SignalFacts } from "./facts.ts";

/** Consecutive rows of a batch that differ in time and value alone: rows `start` .. `start + length - 1`. */
export type Run = {
  readonly record: RecordFacts;
  readonly signal: SignalFacts;
  readonly source: number | undefined;
  readonly destination: number | undefined;
  readonly start: number;
  length: number;
};

const FIRST_ROWS = 1024;

/** Samples column by column: what a run of them shares is there once, and a sample is two numbers. Grows as it is filled. */
export class SampleBatch {
  readonly runs: Run[] = [];
  /** Integers beyond 2^53, by row; `values` has them rounded. */
  readonly exact = new Map<number, bigint>();
  /** Rows that have no value but a state, which is their text; `values` has NaN. */
  readonly stated = new Set<number>();
  /** What values are called, by row; undefined where they have no text. */
  readonly texts: (string | undefined)[] = [];
  #timesUs = new Float64Array(FIRST_ROWS);
  #values = new Float64Array(FIRST_ROWS);
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Times of the rows, µs since the Unix epoch, put right; valid until the next row. */
  get timesUs(): Float64Array {
    return this.#timesUs.subarray(0, this.#rows);
  }

  /** Physical values of the rows; valid until the next row. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.#rows);
  }

  /** Begins a run; the rows that are added next belong to it. */
  open(facts: Omit<Run, "start" | "length">): Run {
    const { record, signal, source, destination } = facts;
    const run = { record, signal, source, destination, start: this.#rows, length: 0 };
    this.runs.push(run);
    return run;
  }

  /** Adds a row to `run`, which must be the newest. Without a value it says a state, which is its text. */
  add(run: Run, timeUs: number, value: number | bigint | undefined, text: string | undefined): void {
    const row = this.#rows;
    if (row === this.#timesUs.length) this.#grow();
    this.#timesUs[row] = timeUs;
    this.#values[row] = Number(value);
    if (value === undefined) this.stated.add(row);
    if (typeof value === "bigint") this.exact.set(row, value);
    this.texts.push(text);
    run.length += 1;
    this.#rows += 1;
  }

  /** Runs by signal, sender and time: the order in which columns get small, and files can be skipped by signal. */
  bySignal(): readonly Run[] {
    const keys = new Map<SignalFacts, string>();
    const keyOf = (signal: SignalFacts): string => {
      const known = keys.get(signal);
      if (known !== undefined) return known;
      const { bus, message, signal: name, aggregate = "", windowUs = 0 } = signal;
      const key = [bus, message, name, aggregate, windowUs].join("\u0000");
      keys.set(signal, key);
      return key;
    };
    return this.runs.toSorted((one, other) => {
      if (one.signal !== other.signal) {
        const [left, right] = [keyOf(one.signal), keyOf(other.signal)];
        if (left !== right) return left < right ? -1 : 1;
      }
      const sender = (one.source ?? -1) - (other.source ?? -1);
      return sender === 0 ? this.#timesUs[one.start] - this.#timesUs[other.start] : sender;
    });
  }

  #grow(): void {
    const [times, values] = [this.#timesUs, this.#values];
    this.#timesUs = new Float64Array(times.length * 2);
    this.#timesUs.set(times);
    this.#values = new Float64Array(values.length * 2);
    this.#values.set(values);
  }
}
