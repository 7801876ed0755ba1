import { isPresent, rawOf } from "../../signals/codec/signal-value.ts";
import { nearNames } from "../../signals/near-names.ts";
import { sourceOf } from "../../signals/pgn.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { matchesSignal } from "../../signals/signal-patterns.ts";
import { stateOf } from "../../signals/signal-states.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { type FoundMessage, type LogFrame, LogMessages } from "../log-messages.ts";
import { type Plot, type PlotSeries, seriesOf } from "./plot-series.ts";
import { ThinnedPoints } from "./thinned-points.ts";

type Track = {
  readonly signal: SignalEntry;
  readonly bus: string;
  readonly source: number | undefined;
  readonly points: ThinnedPoints;
};

/** The signals of the table that a name or pattern means; a name without a dot is a signal's own, of whatever message. */
export function signalsMeant(table: SignalTable, pattern: string) {
  const full = pattern.includes(".") ? pattern : `*.${pattern}`;
  const found = table.signals.filter((signal) => matchesSignal(full, signal));
  return { pattern, signals: found, near: found.length > 0 ? [] : nearNames(table.signals, pattern) };
}

/** Gathers the values of some signals from the frames of a log, given in its order. */
export class PlotReader {
  readonly #table: SignalTable;
  readonly #messages: LogMessages;
  readonly #wanted: ReadonlyMap<number, readonly SignalEntry[]>;
  readonly #order: ReadonlyMap<number, number>;
  readonly #tracks = new Map<string, Track>();
  #frames = 0;
  #startUs: number | undefined;
  #endUs = 0;

  constructor(table: SignalTable, signals: readonly SignalEntry[]) {
    this.#table = table;
    this.#messages = new LogMessages(table);
    this.#order = new Map(signals.map(({ index }, at) => [index, at] as const));
    const wanted = table.messages.map(({ index, firstSignal, signalCount }) => {
      const own = signals.filter((signal) => signal.index >= firstSignal && signal.index < firstSignal + signalCount);
      return [index, own] as const;
    });
    this.#wanted = new Map(wanted.filter(([, own]) => own.length > 0));
  }

  take(logged: LogFrame): void {
    const { frame, timed } = logged;
    if (this.#frames === 0 && timed) this.#startUs = frame.receivedAtUs;
    this.#frames += 1;
    if (timed) {
      this.#startUs = this.#startUs === undefined ? undefined : Math.min(this.#startUs, frame.receivedAtUs);
      this.#endUs = Math.max(this.#endUs, frame.receivedAtUs);
    }
    const found = this.#messages.find(logged);
    if (typeof found !== "object") return;
    const signals = this.#wanted.get(found.message.index);
    if (signals !== undefined) this.#note(logged, found, signals);
  }

  /** What was read, under the name of the log. */
  plot(title: string): Plot {
    const tracks = [...this.#tracks.values()].toSorted((a, b) => this.#place(a) - this.#place(b));
    const startUs = this.#startUs;
    const start = startUs ?? 0;
    const buses = new Set(tracks.map(({ bus }) => bus));
    const series = tracks.flatMap((track): readonly PlotSeries[] => {
      const raw = track.points.points.map(({ x, y }) => ({ x: startUs === undefined ? x : (x - start) / 1e6, y }));
      const one = seriesOf(nameOf(track, buses.size > 1), track.signal, raw, track.points.count);
      return one === undefined ? [] : [one];
    });
    const to = startUs === undefined ? Math.max(1, this.#frames - 1) : (this.#endUs - start) / 1e6;
    return { title, time: { from: 0, to, startUs }, series };
  }

  #note({ bus, frame, timed }: LogFrame, { message, bytes }: FoundMessage, signals: readonly SignalEntry[]): void {
    const { values, wides, present } = this.#table;
    message.decode(bytes, 0, bytes.length, values, wides, present);
    const source = message.pgn === undefined ? undefined : sourceOf(frame.id);
    // One without a time among others has that of the newest.
    const timeUs = timed ? frame.receivedAtUs : this.#endUs;
    const x = this.#startUs === undefined ? this.#frames - 1 : timeUs;
    for (const signal of signals) {
      if (!isPresent(this.#table, message, signal, bytes.length)) continue;
      const raw = rawOf(this.#table, signal);
      const isState = stateOf(signal.states, raw) !== undefined;
      this.#track(signal, bus, source).points.add(x, isState ? Number.NaN : Number(raw));
    }
  }

  #track(signal: SignalEntry, bus: string, source: number | undefined): Track {
    const key = `${signal.index} ${source} ${bus}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const fresh = { signal, bus, source, points: new ThinnedPoints() };
    this.#tracks.set(key, fresh);
    return fresh;
  }

  #place({ signal }: Track): number {
    return this.#order.get(signal.index) ?? 0;
  }
}

function nameOf({ signal, bus, source }: Track, hasSeveralBuses: boolean): string {
  const from = source === undefined ? "" : ` from 0x${source.toString(16).padStart(2, "0")}`;
  return `${hasSeveralBuses ? `${bus}/` : ""}${signal.message}.${signal.name}${from}`;
}
