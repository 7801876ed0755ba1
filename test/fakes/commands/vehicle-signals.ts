import { LatestSignals, type LatestValue } from "../../../agent/signals/latest-signals.ts";
import type { SignalEntry } from "../../../agent/signals/signal-entry.ts";
import type { NamedTable } from "../../../agent/signals/signal-names.ts";

/** Signals whose newest values the test sets. */
export class FakeSignals {
  readonly signals: LatestSignals;
  /** Names of the signals that somebody holds, each with who it is. */
  readonly held = new Set<string>();
  readonly #values = new Map<number, LatestValue>();

  constructor(table: NamedTable) {
    const source = { latestOf: ({ index }: SignalEntry) => this.#values.get(index) };
    this.signals = new LatestSignals(table, source, (who, signals) => {
      const names = signals.map(({ message, name }) => `${who}: ${message}.${name}`);
      for (const name of names) this.held.add(name);
      return () => {
        for (const name of names) this.held.delete(name);
      };
    });
  }

  /** The signal of this name was received with this raw value at this time. */
  set(name: string, raw: number, timeUs: number): void {
    const found = this.signals.find(name);
    if (found.kind === "unfit") throw new Error(found.problem);
    const { signal } = found;
    this.#values.set(signal.index, { signal, origin: undefined, raw, timeUs, count: 1 });
  }
}
