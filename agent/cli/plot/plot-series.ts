import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import { physicalOf } from "../../signals/codec/signal-value.ts";
import { precisionOf, type ShownPrecision, shownValue } from "../../signals/shown-precision.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { textOf } from "../../signals/value-texts.ts";
import type { Point } from "./thinned-points.ts";

/** A signal with more texts than this is drawn as numbers. */
const MOST_LEVELS = 12;

/** A value that has a text: `y` is its place among the others, from 0 for the least raw value. */
export type Level = { readonly y: number; readonly text: string };

/** What is plotted of one signal: numbers over time, or texts that hold until the next. */
export type PlotSeries = {
  readonly name: string;
  readonly signal: SignalEntry;
  readonly unit: string;
  readonly precision: ShownPrecision;
  /** Physical values, or places in `levels`. */
  readonly points: readonly Point[];
  /** Undefined for numbers. */
  readonly levels: readonly Level[] | undefined;
  /** Samples of the log. */
  readonly samples: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly last: number;
};

/** Where on the axes things are: x in seconds from `startUs`, or the number of the frame in a log without times. */
export type PlotTime = {
  readonly from: number;
  readonly to: number;
  /** µs since the Unix epoch; undefined in a log without times. */
  readonly startUs: number | undefined;
};

/** All that is plotted. */
export type Plot = { readonly title: string; readonly time: PlotTime; readonly series: readonly PlotSeries[] };

/** The series of a signal from its raw values; undefined where it has none that is a number. */
export function seriesOf(
  name: string,
  signal: SignalEntry,
  raw: readonly Point[],
  samples: number,
): PlotSeries | undefined {
  const levels = levelsOf(signal, raw);
  const yOf = levels === undefined ? (y: number) => Number(physicalOf(y, signal)) : (y: number) => levels.placeOf(y);
  const points = raw.map(({ x, y }) => ({ x, y: Number.isNaN(y) ? y : yOf(y) }));
  const numbers = points.filter(({ y }) => Number.isFinite(y));
  const last = numbers.at(-1);
  if (last === undefined) return undefined;
  return {
    name,
    signal,
    unit: levels === undefined ? signal.unit : "",
    precision: precisionOf(signal),
    points,
    levels: levels?.levels,
    samples,
    minimum: numbers.reduce((least, { y }) => Math.min(least, y), last.y),
    maximum: numbers.reduce((most, { y }) => Math.max(most, y), last.y),
    last: last.y,
  };
}

/** A value of the series as a person reads it. */
export function textOfPlace({ levels, precision }: PlotSeries, y: number): string {
  return levels === undefined ? shownValue(y, precision) : (levels[y]?.text ?? String(y));
}

/** What stands over the curve of a series: its name, and what there is to say of its values. */
export function headingOf(series: PlotSeries): string {
  const { name, unit, samples, minimum, maximum, last, levels } = series;
  const of = (y: number): string => textOfPlace(series, y);
  const range = levels === undefined ? [`min ${of(minimum)}`, `max ${of(maximum)}`] : [];
  const facts = [...range, `last ${of(last)}`, formatCounted(samples, "sample")];
  return printable(`${name}${unit === "" ? "" : ` [${unit}]`}  ${facts.join(", ")}`);
}

/** What stands below the time axis: of which log it is, and when 0 s was. */
export function footOf({ title, time: { startUs } }: Plot): string {
  const zero =
    startUs === undefined ? "no times in it; frames are counted" : `0 s is ${new Date(startUs / 1000).toISOString()}`;
  return printable(`${title}: ${zero}`);
}

/** Where `y` is between the least value, 0, and the greatest, 1; 0.5 where they are one. In halves: the distance of two doubles may be none. */
export function partOf({ minimum, maximum }: PlotSeries, y: number): number {
  const range = maximum / 2 - minimum / 2;
  return range > 0 ? (y / 2 - minimum / 2) / range : 0.5;
}

/** The texts of the raw values, where each has one and they are few. */
function levelsOf({ texts, kind }: SignalEntry, raw: readonly Point[]) {
  if (texts === undefined || kind !== "integer") return undefined;
  const values = [...new Set(raw.map(({ y }) => y).filter((y) => !Number.isNaN(y)))].sort((a, b) => a - b);
  const levels = values.flatMap((value, y) => {
    const text = textOf(texts, value);
    return text === undefined ? [] : [{ y, text }];
  });
  if (levels.length < values.length || levels.length > MOST_LEVELS) return undefined;
  const places = new Map(values.map((value, y) => [value, y] as const));
  return { levels, placeOf: (value: number) => places.get(value) ?? Number.NaN };
}
