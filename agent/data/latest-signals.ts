import type { Collector } from "./collect.ts";
import type { SignalEntry, SignalTable } from "./signal-table.ts";
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
  readonly #table: Pick<SignalTable, "signals">;
  /** By "MESSAGE.SIGNAL" where that is unique, and by "BUS/MESSAGE.SIGNAL"; made when the first name is looked for. */
  #byName: ReadonlyMap<string, SignalEntry | "ambiguous"> | undefined;

  constructor(table: Pick<SignalTable, "signals">, collector: Pick<Collector, "latestOf">) {
    this.#table = table;
    this.#collector = collector;
  }

  /** The signal that `name` stands for: "MESSAGE.SIGNAL", or "BUS/MESSAGE.SIGNAL"; undefined for none and for several. */
  find(name: string): SignalEntry | undefined {
    this.#byName ??= namesOf(this.#table);
    const found = this.#byName.get(name);
    return found === "ambiguous" ? undefined : found;
  }

  /** Undefined until the signal is seen for the first time. */
  read(signal: SignalEntry): SignalReading | undefined {
    const latest = this.#collector.latestOf(signal);
    return latest === undefined ? undefined : { value: physicalOf(latest.raw, signal), timeUs: latest.timeUs };
  }
}

function namesOf({ signals }: Pick<SignalTable, "signals">): ReadonlyMap<string, SignalEntry | "ambiguous"> {
  const byName = new Map<string, SignalEntry | "ambiguous">();
  for (const signal of signals) {
    const name = `${signal.message}.${signal.name}`;
    byName.set(name, byName.has(name) ? "ambiguous" : signal);
    byName.set(`${signal.bus}/${name}`, signal);
  }
  return byName;
}
