import type { ProtobufWriter } from "../encode/protobuf-writer.ts";
import { malformed } from "../read/malformed-record.ts";
import type { ColumnKind, SamplesRecord, WireColumn } from "./samples-record.ts";
import { WireReader } from "./wire-reader.ts";

/** Field numbers of config/proto/telemetry.proto. */
const SAMPLES = { axes: 4, columns: 5 } as const;
const AXIS = { deltas: 1 } as const;
const COLUMN = { signal: 1, axis: 2, raws: 3, floats: 4, doubles: 5, source: 6, destination: 7 } as const;

const TWO_32 = 2 ** 32;
/** Differences of two of them are exact. */
const MAX_TICK = 2 ** 52;
const VALUE_BYTES = { floats: 4, doubles: 8 } as const;

/** What is kept of one column over all records. */
type KeptColumn = {
  readonly column: WireColumn;
  /** Samples that came, kept or not. */
  count: number;
  readonly ticks: number[];
  /** The bits of each value, as words; the high ones of floats are 0. */
  readonly lows: number[];
  readonly highs: number[];
};

/** The columns of several records, of each its first sample and every N-th after it. Values keep every bit. */
export class ThinnedColumns {
  readonly #ratio: number;
  /** Of the record that was taken first; all times count from it in its unit. */
  readonly #first: Pick<SamplesRecord, "baseTimeUs" | "timeUnitUs">;
  readonly #columns = new Map<string, KeptColumn>();

  constructor(ratio: number, first: Pick<SamplesRecord, "baseTimeUs" | "timeUnitUs">) {
    this.#ratio = ratio;
    this.#first = first;
  }

  /** Takes a record whose times fit the first's unit. Throws `input.malformed` for one that does not fit itself; these columns are of no use then. */
  take(record: SamplesRecord): void {
    const offset = (record.baseTimeUs - this.#first.baseTimeUs) / this.#first.timeUnitUs;
    const axes = record.axes.map((deltas) => ticksOf(deltas, offset));
    for (const column of record.columns) {
      const ticks = axes[column.axis];
      if (ticks === undefined) throw malformed(`signal ${column.signal} refers to axis ${column.axis}`);
      const kept = this.#keptOf(column);
      const taken =
        column.kind === "raws"
          ? takeRaws(kept, column.values, ticks, this.#ratio)
          : takeFixed(kept, column.values, ticks, this.#ratio, VALUE_BYTES[column.kind]);
      if (taken !== ticks.length) throw malformed(`signal ${column.signal} has ${taken} values of ${ticks.length}`);
    }
  }

  /** Writes the fields `axes` and `columns` of the `Samples` message that is open. Columns share their times where these are equal. */
  write(writer: ProtobufWriter): void {
    const columns = [...this.#columns.values()].filter(({ ticks }) => ticks.length > 0);
    const { axes, axisOf } = shareAxes(columns);
    for (const ticks of axes) {
      writer.begin(SAMPLES.axes, ticks.length + 4);
      writer.begin(AXIS.deltas, ticks.length);
      writer.deltas(Float64Array.from(ticks), 0);
      writer.end();
      writer.end();
    }
    for (const [at, kept] of columns.entries()) writeColumn(writer, kept, axisOf[at]);
  }

  #keptOf(column: WireColumn): KeptColumn {
    const { signal, source, destination, kind } = column;
    const key = `${signal}/${source}/${destination}/${kind}`;
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    const made: KeptColumn = { column, count: 0, ticks: [], lows: [], highs: [] };
    this.#columns.set(key, made);
    return made;
  }
}

function ticksOf(deltas: Uint8Array, offset: number): readonly number[] {
  const reader = new WireReader(deltas);
  const ticks: number[] = [];
  let tick = offset;
  while (!reader.isAtEnd) {
    tick += reader.zigzag();
    if (Math.abs(tick) > MAX_TICK) throw malformed("a time is beyond 2^52");
    ticks.push(tick);
  }
  return ticks;
}

/** Running sums modulo 2^64. Gives the number of values. */
function takeRaws(kept: KeptColumn, values: Uint8Array, ticks: readonly number[], ratio: number): number {
  const reader = new WireReader(values);
  let low = 0;
  let high = 0;
  let taken = 0;
  for (; !reader.isAtEnd; taken++) {
    reader.varint();
    reader.unzigzag();
    const sum = low + reader.low;
    low = sum >>> 0;
    high = (high + reader.high + (sum >= TWO_32 ? 1 : 0)) >>> 0;
    if (taken < ticks.length) keep(kept, ticks[taken], low, high, ratio);
  }
  return taken;
}

/** Values of four or eight bytes, bit by bit as they are. Gives their number, which is not whole where bytes are left. */
function takeFixed(
  kept: KeptColumn,
  values: Uint8Array,
  ticks: readonly number[],
  ratio: number,
  bytes: 4 | 8,
): number {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const count = values.length / bytes;
  for (let at = 0; at + 1 <= count && at < ticks.length; at++) {
    const high = bytes === 8 ? view.getUint32(at * 8 + 4, true) : 0;
    keep(kept, ticks[at], view.getUint32(at * bytes, true), high, ratio);
  }
  return count;
}

function keep(kept: KeptColumn, tick: number, low: number, high: number, ratio: number): void {
  const isKept = kept.count % ratio === 0;
  kept.count += 1;
  if (!isKept) return;
  kept.ticks.push(tick);
  kept.lows.push(low);
  kept.highs.push(high);
}

function shareAxes(columns: readonly KeptColumn[]): { axes: (readonly number[])[]; axisOf: readonly number[] } {
  const axes: (readonly number[])[] = [];
  const byShape = new Map<string, number[]>();
  const axisOf = columns.map(({ ticks }) => {
    const shape = `${ticks.length} ${ticks[0]} ${ticks.at(-1)}`;
    const alike = byShape.get(shape) ?? [];
    byShape.set(shape, alike);
    const known = alike.find((axis) => axes[axis].every((tick, at) => tick === ticks[at]));
    if (known !== undefined) return known;
    alike.push(axes.length);
    return axes.push(ticks) - 1;
  });
  return { axes, axisOf };
}

function writeColumn(writer: ProtobufWriter, { column, lows, highs }: KeptColumn, axis: number): void {
  const { signal, source, destination, kind } = column;
  writer.begin(SAMPLES.columns, lows.length * 2 + 8);
  writer.uintField(COLUMN.signal, signal);
  writer.uintField(COLUMN.axis, axis);
  if (source !== undefined) writer.presentUintField(COLUMN.source, source);
  if (destination !== undefined) writer.presentUintField(COLUMN.destination, destination);
  if (kind === "raws") writeRaws(writer, lows, highs);
  else writer.bytesField(COLUMN[kind], fixedOf(lows, highs, kind));
  writer.end();
}

function writeRaws(writer: ProtobufWriter, lows: readonly number[], highs: readonly number[]): void {
  writer.begin(COLUMN.raws, lows.length);
  let previousLow = 0;
  let previousHigh = 0;
  for (let at = 0; at < lows.length; at++) {
    const borrow = lows[at] < previousLow ? 1 : 0;
    writer.sint64(lows[at] - previousLow, highs[at] - previousHigh - borrow);
    previousLow = lows[at];
    previousHigh = highs[at];
  }
  writer.end();
}

function fixedOf(lows: readonly number[], highs: readonly number[], kind: Exclude<ColumnKind, "raws">): Uint8Array {
  const bytes = VALUE_BYTES[kind];
  const view = new DataView(new ArrayBuffer(lows.length * bytes));
  for (let at = 0; at < lows.length; at++) {
    view.setUint32(at * bytes, lows[at], true);
    if (bytes === 8) view.setUint32(at * 8 + 4, highs[at], true);
  }
  return new Uint8Array(view.buffer);
}
