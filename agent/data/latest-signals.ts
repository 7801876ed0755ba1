import type { Collector } from "./collect.ts";
import { type FoundSignal, findSignal, type NamedTable } from "./signal-names.ts";
import type { SignalEntry } from "./signal-table.ts";
import { physicalOf } from "./signal-value.ts";

/** The newest physical value of a signal. */
export type SignalReading = {
  /** A bigint beyond 2^53. */
  readonly value: number | bigint;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Signals by name, with their newest values, collected or not. */
export class LatestSignals {
  readonly #collector: Pick<Collector, "latestOf">;
  readonly #table: NamedTable;

  constructor(table: NamedTable, collector: Pick<Collector, "latestOf">) {
    this.#table = table;
    this.#collector = collector;
  }

  /** The one signal that `name` stands for; see `findSignal`. */
  find(name: string): FoundSignal {
    return findSignal(this.#table, name);
  }

  /** Undefined until the signal is seen for the first time. */
  read(signal: SignalEntry): SignalReading | undefined {
    const latest = this.#collector.latestOf(signal);
    return latest === undefined ? undefined : { value: physicalOf(latest.raw, signal), timeUs: latest.timeUs };
  }
}
