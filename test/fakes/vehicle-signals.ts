import type { LatestValue } from "../../agent/data/collect.ts";
import { LatestSignals } from "../../agent/data/latest-signals.ts";
import type { SignalEntry, SignalTable } from "../../agent/data/signal-table.ts";

/** Signals whose newest values the test sets. */
export class FakeSignals {
  readonly signals: LatestSignals;
  readonly #table: Pick<SignalTable, "signals">;
  readonly #values = new Map<number, LatestValue>();

  constructor(table: Pick<SignalTable, "signals">) {
    this.#table = table;
    this.signals = new LatestSignals(table, { latestOf: ({ index }) => this.#values.get(index) });
  }

  /** The signal "MESSAGE.SIGNAL" was received with this raw value at this time. */
  set(name: string, raw: number, timeUs: number): void {
    const signal = this.#table.signals.find((one: SignalEntry) => `${one.message}.${one.name}` === name);
    if (signal === undefined) throw new Error(`no signal ${name}`);
    this.#values.set(signal.index, { signal, raw, timeUs });
  }
}
