import { physicalOf } from "./codec/signal-value.ts";
import { nearNames } from "./near-names.ts";
import type { SignalEntry, SignalState } from "./signal-entry.ts";
import { type FoundSignal, findSignal, type NamedTable } from "./signal-names.ts";
import { matchesSignal } from "./signal-patterns.ts";
import type { Origin } from "./signal-slots.ts";
import { stateOf } from "./signal-states.ts";

/** The newest value of one signal, from one sender where these are told apart, collected or not. */
export type LatestValue = {
  readonly signal: SignalEntry;
  readonly origin: Origin | undefined;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
  /** A bigint beyond 2^53. */
  readonly raw: number | bigint;
  /** How often it was decoded since the start; begins anew at 2^32. */
  readonly count: number;
};

/** Where the newest value of each signal is found; undefined until a signal is seen for the first time. */
export type LatestSource = { latestOf(signal: SignalEntry): LatestValue | undefined };

/** The newest physical value of a signal. */
export type SignalReading = {
  /** A bigint beyond 2^53; NaN where the signal says a state in the place of a number. */
  readonly value: number | bigint;
  readonly state?: SignalState | undefined;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Has signals decoded until the returned function is called. `who` is for people. */
export type HoldSignals = (who: string, signals: readonly SignalEntry[]) => () => void;

/** Signals by name, with their newest values, collected or not. */
export class LatestSignals {
  readonly #source: LatestSource;
  readonly #table: NamedTable;
  readonly #hold: HoldSignals;

  /** Without `hold` all signals are decoded anyway, or none. */
  constructor(table: NamedTable, source: LatestSource, hold: HoldSignals = () => () => undefined) {
    this.#table = table;
    this.#source = source;
    this.#hold = hold;
  }

  /** The signals that one of `patterns` matches; all of them without a pattern. */
  matching(patterns: readonly string[]): readonly SignalEntry[] {
    const { signals } = this.#table;
    if (patterns.length === 0) return signals;
    return signals.filter((signal) => patterns.some((pattern) => matchesSignal(pattern, signal)));
  }

  /** Names that `pattern`, which matches no signal, may have been meant for; see `nearNames`. */
  near(pattern: string): readonly string[] {
    return nearNames(this.#table.signals, pattern);
  }

  /** Has the signals decoded until the returned function is called: what no campaign wants has no new value otherwise. */
  hold(who: string, signals: readonly SignalEntry[]): () => void {
    return this.#hold(who, signals);
  }

  /** The one signal that `name` stands for; see `findSignal`. */
  find(name: string): FoundSignal {
    return findSignal(this.#table, name);
  }

  /** The newest that was decoded; undefined until the signal is, for the first time. */
  read(signal: SignalEntry): SignalReading | undefined {
    const latest = this.#source.latestOf(signal);
    if (latest === undefined) return undefined;
    const { raw, timeUs } = latest;
    const state = stateOf(signal.states, raw);
    return state === undefined ? { value: physicalOf(raw, signal), timeUs } : { value: Number.NaN, state, timeUs };
  }
}
