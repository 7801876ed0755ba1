import { LatestSignals, type LatestValue } from "../../../agent/signals/latest-signals.ts";
import type { NamedTable } from "../../../agent/signals/signal-names.ts";

/** Signals whose newest values the test sets. */
export class FakeSignals {
  readonly signals: LatestSignals;
  readonly #values = new Map<number, LatestValue>();

  constructor(table: NamedTable) {
    this.signals = new LatestSignals(table, { latestOf: ({ index }) => this.#values.get(index) });
  }

  /** The signal of this name was received with this raw value at this time. */
  set(name: string, raw: number, timeUs: number): void {
    const found = this.signals.find(name);
    if (found.kind === "unfit") throw new Error(found.problem);
    const { signal } = found;
    this.#values.set(signal.index, { signal, origin: undefined, raw, timeUs });
  }
}
