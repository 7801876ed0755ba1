import { END, EVENT, isInt64, RECORD_AFTER, RECORD_BEFORE, SIGNAL, TIME, VALUE } from "./column-names.ts";
import type { EventRow } from "./event-row.ts";
import type { RecordFacts } from "./facts.ts";
import type { Run, SampleBatch } from "./sample-batch.ts";

/** A cell: text, an integer or a double; undefined is none. */
export type Cell = string | number | bigint | undefined;

/** How rows are written as lines of text. */
export type RowFormat = {
  /** What a file begins with, line end included: nothing for NDJSON. */
  header(columns: readonly string[]): string;
  /** Some columns of a row, one after the other, joined by `join` with others. */
  cells(columns: readonly string[], cells: readonly Cell[]): string;
  /** A line of what `cells` gave; empty ones are left out or kept as the format wants. */
  line(parts: readonly string[]): string;
};

/** The lines of a run of samples. What they share is written once and put around each. */
export function* sampleLines(format: RowFormat, batch: SampleBatch, run: Run): Generator<string> {
  const { record, signal, start, length } = run;
  const before = format.cells(RECORD_BEFORE, [record.thing, record.epoch, record.stream, record.seq]);
  const shared = [recordAfter(format, record), signalPart(format, run)];
  const end = format.cells(END, [signal.unit, signal.vssPath]);
  const [timesUs, values] = [batch.timesUs, batch.values];
  for (let row = start; row < start + length; row++) {
    const exact = batch.exact.get(row);
    const fits = exact !== undefined && isInt64(exact);
    const digits = exact === undefined || fits ? undefined : String(exact);
    const number = batch.stated.has(row) ? undefined : values[row];
    const value = format.cells(VALUE, [number, fits ? exact : undefined, digits, batch.texts[row]]);
    yield format.line([before, format.cells(TIME, [timesUs[row]]), ...shared, value, end]);
  }
}

function signalPart(format: RowFormat, { record, signal, source, destination }: Run): string {
  const { bus, message, signal: name, aggregate, windowUs } = signal;
  const { campaign, trigger } = record;
  return format.cells(SIGNAL, [bus, message, name, aggregate, windowUs, source, destination, campaign, trigger]);
}

/** The line of an event. */
export function eventLine(format: RowFormat, { record, timeUs, kind, body }: EventRow): string {
  return format.line([
    format.cells(RECORD_BEFORE, [record.thing, record.epoch, record.stream, record.seq]),
    format.cells(TIME, [timeUs]),
    recordAfter(format, record),
    format.cells(EVENT, [kind, body]),
  ]);
}

function recordAfter(format: RowFormat, record: RecordFacts): string {
  const { timeQuality, timeBasis, shiftUs, bootId, monotonicUs, offsetUs } = record;
  return format.cells(RECORD_AFTER, [timeQuality, timeBasis, shiftUs, bootId, monotonicUs, offsetUs]);
}

/** One object a line; a column without a value is left out. Not-a-number is "NaN", infinities are "inf" and "-inf". */
export const NDJSON: RowFormat = {
  header: () => "",
  cells: (columns, cells) =>
    columns.flatMap((column, at) => (cells[at] === undefined ? [] : `"${column}":${jsonOf(cells[at])}`)).join(","),
  line: (parts) => `{${parts.filter((part) => part !== "").join(",")}}\n`,
};

/** RFC 4180 with a line of names first and LF line ends; a column without a value is empty. */
export const CSV: RowFormat = {
  header: (columns) => `${columns.join(",")}\n`,
  cells: (columns, cells) => columns.map((_, at) => csvOf(cells[at])).join(","),
  line: (parts) => `${parts.join(",")}\n`,
};

function jsonOf(cell: Cell): string {
  if (typeof cell === "string") return JSON.stringify(cell);
  return typeof cell === "number" && !Number.isFinite(cell) ? `"${numberText(cell)}"` : numberText(cell);
}

function csvOf(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "string") return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return numberText(cell);
}

function numberText(value: number | bigint | undefined): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
