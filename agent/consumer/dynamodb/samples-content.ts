import { gzipSync } from "node:zlib";
import type { Run, SampleBatch } from "../rows/sample-batch.ts";

/**
 * What an attribute `content` of samples holds: columns as JSON, compressed with gzip, readable without anything else.
 *
 * `axes`: times, µs since the Unix epoch as the record has them (the item's `shift_us` is still to be added): the first, then the difference
 * from the one before. Columns whose samples were received together share one. `values` are physical: a number, decimal digits as text for
 * an integer beyond 2^53, "NaN", "inf" or "-inf", or in the place of a number "not available" or "error" or what the DBC file calls that. `texts` is what the values are called, by their text.
 * `event`, where the record counts frames of buses or stands for others, is that.
 */
type Column = {
  readonly axis: number;
  readonly bus: string;
  readonly message: string;
  readonly signal: string;
  readonly aggregate?: string | undefined;
  readonly window_us?: number | undefined;
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
  readonly unit: string;
  readonly vss_path?: string | undefined;
  readonly values: readonly (number | string)[];
  readonly texts?: Readonly<Record<string, string>> | undefined;
};

/** Level of gzip: on records of some KB the default one takes twice the time for 4 % less. */
const GZIP_LEVEL = 3;

/** The content of the samples of one record, all times of which were shifted by `shiftUs`; `event` is JSON. */
export function samplesContent(batch: SampleBatch, shiftUs: number, event: string | undefined): Uint8Array {
  const axes: number[][] = [];
  const known = new Map<string, number>();
  const { timesUs, values } = batch;
  const columns = batch.runs.map((run): Column => {
    const axis = axisOf(timesUs, run, shiftUs);
    const key = axis.join();
    const index = known.get(key) ?? axes.push(axis) - 1;
    known.set(key, index);
    return columnOf(batch, values, run, index);
  });
  const json = JSON.stringify({ axes, columns });
  return textContent(event === undefined ? json : `${json.slice(0, -1)},"event":${event}}`);
}

/** The content of an event that is too long for its `body`: the same JSON. */
export function textContent(json: string): Uint8Array {
  return gzipSync(json, { level: GZIP_LEVEL });
}

function axisOf(timesUs: Float64Array, { start, length }: Run, shiftUs: number): number[] {
  let before = shiftUs;
  return Array.from({ length }, (_, at) => {
    const delta = timesUs[start + at] - before;
    before = timesUs[start + at];
    return delta;
  });
}

function columnOf(batch: SampleBatch, values: Float64Array, run: Run, axis: number): Column {
  const { signal, source, destination, start, length } = run;
  const shown = Array.from({ length }, (_, at) => shownAt(batch, values, start + at));
  return {
    axis,
    bus: signal.bus,
    message: signal.message,
    signal: signal.signal,
    aggregate: signal.aggregate,
    window_us: signal.windowUs,
    source,
    destination,
    unit: signal.unit,
    vss_path: signal.vssPath,
    values: shown,
    texts: textsOf(batch, shown, start),
  };
}

function shownAt({ exact, stated, texts }: SampleBatch, values: Float64Array, row: number): number | string {
  return stated.has(row) ? (texts[row] ?? "not available") : shownOf(exact.get(row) ?? values[row]);
}

function shownOf(value: number | bigint): number | string {
  if (typeof value === "bigint") return String(value);
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
}

function textsOf({ texts }: SampleBatch, shown: readonly (number | string)[], start: number): Column["texts"] {
  if (texts.length === 0) return undefined;
  const named = new Map<string, string>();
  for (const [at, value] of shown.entries()) {
    const text = texts[start + at];
    if (text !== undefined && text !== value) named.set(String(value), text);
  }
  return named.size === 0 ? undefined : Object.fromEntries(named);
}
