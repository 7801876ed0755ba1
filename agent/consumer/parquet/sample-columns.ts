import { isInt64, type SAMPLE_COLUMNS } from "../rows/column-names.ts";
import type { Run, SampleBatch } from "../rows/sample-batch.ts";
import { type Column, DOUBLE, INT32, INT64, TEXT, TIME, wide } from "./column.ts";

/** The rows of a batch in the order of `runs`. */
export type OrderedSamples = { readonly batch: SampleBatch; readonly runs: readonly Run[] };

type Value = string | bigint | number | null;

/** Columns of samples as Parquet has them: what is the same for a run as a dictionary, times as deltas. */
export const SAMPLE_PARQUET: Readonly<Record<(typeof SAMPLE_COLUMNS)[number], Column<OrderedSamples>>> = {
  thing: ofRun(TEXT, true, (run) => run.record.thing),
  epoch: ofRun(INT64, true, (run) => BigInt(run.record.epoch)),
  stream: ofRun(TEXT, true, (run) => run.record.stream),
  seq: ofRun(INT64, true, (run) => BigInt(run.record.seq)),
  time_us: { element: TIME, required: true, encoding: "DELTA_BINARY_PACKED", statistics: true, build: timesOf },
  time_quality: ofRun(TEXT, true, (run) => run.record.timeQuality),
  time_basis: ofRun(TEXT, true, (run) => run.record.timeBasis),
  shift_us: ofRun(INT64, true, (run) => BigInt(run.record.shiftUs)),
  boot_id: ofRun(TEXT, true, (run) => run.record.bootId),
  monotonic_us: ofRun(INT64, true, (run) => BigInt(run.record.monotonicUs)),
  offset_us: ofRun(INT64, true, (run) => BigInt(run.record.offsetUs)),
  bus: ofRun(TEXT, true, (run) => run.signal.bus),
  message: ofRun(TEXT, true, (run) => run.signal.message),
  signal: ofRun(TEXT, true, (run) => run.signal.signal),
  aggregate: ofRun(TEXT, false, (run) => run.signal.aggregate ?? null),
  window_us: ofRun(INT64, false, (run) => wide(run.signal.windowUs)),
  source: ofRun(INT32, false, (run) => run.source ?? null),
  destination: ofRun(INT32, false, (run) => run.destination ?? null),
  campaign: ofRun(TEXT, false, (run) => run.record.campaign ?? null),
  trigger: ofRun(INT64, false, (run) => wide(run.record.trigger)),
  // A dictionary of doubles is larger than the doubles themselves once both are compressed.
  value: { element: DOUBLE, required: false, encoding: "PLAIN", statistics: true, build: valuesOf },
  value_int: ofRow(INT64, ({ exact }, row) => {
    const value = exact.get(row);
    return value !== undefined && isInt64(value) ? value : null;
  }),
  value_digits: ofRow(TEXT, ({ exact }, row) => {
    const value = exact.get(row);
    return value === undefined || isInt64(value) ? null : String(value);
  }),
  text: ofRow(TEXT, ({ texts }, row) => texts[row] ?? null),
  unit: ofRun(TEXT, true, (run) => run.signal.unit),
  vss_path: ofRun(TEXT, false, (run) => run.signal.vssPath ?? null),
};

function ofRun(element: Column<OrderedSamples>["element"], required: boolean, valueOf: (run: Run) => Value) {
  const build = ({ batch, runs }: OrderedSamples): Value[] => {
    const values: Value[] = [];
    values.length = batch.rows;
    let at = 0;
    for (const run of runs) {
      values.fill(valueOf(run), at, at + run.length);
      at += run.length;
    }
    return values;
  };
  return { element, required, statistics: element === TEXT, build };
}

function ofRow(element: Column<OrderedSamples>["element"], valueOf: (batch: SampleBatch, row: number) => Value) {
  const build = ({ batch, runs }: OrderedSamples): Value[] => {
    const values: Value[] = [];
    for (const { start, length } of runs) {
      for (let row = start; row < start + length; row++) values.push(valueOf(batch, row));
    }
    return values;
  };
  return { element, required: false, statistics: false, build };
}

function timesOf({ batch, runs }: OrderedSamples): BigInt64Array {
  const times = new BigInt64Array(batch.rows);
  const { timesUs } = batch;
  let at = 0;
  for (const { start, length } of runs) {
    for (let row = start; row < start + length; row++) times[at++] = BigInt(timesUs[row]);
  }
  return times;
}

function valuesOf(ordered: OrderedSamples): Float64Array | (number | null)[] {
  const { batch, runs } = ordered;
  if (batch.stated.size > 0) return someValuesOf(ordered);
  const values = new Float64Array(batch.rows);
  let at = 0;
  for (const { start, length } of runs) {
    values.set(batch.values.subarray(start, start + length), at);
    at += length;
  }
  return values;
}

function someValuesOf({ batch, runs }: OrderedSamples): (number | null)[] {
  const { values, stated } = batch;
  return runs.flatMap(({ start, length }) =>
    Array.from({ length }, (_, at) => (stated.has(start + at) ? null : values[start + at])),
  );
}
