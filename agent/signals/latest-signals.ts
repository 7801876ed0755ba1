import { physicalOf } from "./codec/signal-value.ts";
import type { SignalEntry } from "./signal-entry.ts";
import { type FoundSignal, findSignal, type NamedTable } from "./signal-names.ts";
import type { Origin } from "./signal-slots.ts";

/** The newest value of one signal, from one sender where these are told apart, collected or not. */
export type LatestValue = {
  readonly signal: SignalEntry;
  readonly origin: Origin | undefined;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
  /** A bigint beyond 2^53. */
  readonly raw: number | bigint;
};

/** Where the newest value of each signal is found; undefined until a signal is seen for the first time. */
export type LatestSource = { latestOf(signal: SignalEntry): LatestValue | undefined };

/** The newest physical value of a signal. */
export type SignalReading = {
  /** A bigint beyond 2^53. */
  readonly value: number | bigint;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Signals by name, with their newest values, collected or not. */
export class LatestSignals {
  readonly #source: LatestSource;
  readonly #table: NamedTable;

  constructor(table: NamedTable, source: LatestSource) {
    this.#table = table;
    this.#source = source;
  }

  /** The one signal that `name` stands for; see `findSignal`. */
  find(name: string): FoundSignal {
    return findSignal(this.#table, name);
  }

  /** Undefined until the signal is seen for the first time. */
  read(signal: SignalEntry): SignalReading | undefined {
    const latest = this.#source.latestOf(signal);
    return latest === undefined ? undefined : { value: physicalOf(latest.raw, signal), timeUs: latest.timeUs };
  }
}
