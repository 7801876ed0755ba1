import { PACKED, writeAxes, writeLayout } from "../encode/packed-layout.ts";
import type { ProtobufWriter } from "../encode/protobuf-writer.ts";
import { KnownAxes } from "../encode/shared-axes.ts";
import { malformed } from "../read/malformed-record.ts";
import { WireReader } from "./wire-reader.ts";
import type { SamplesPart, WireColumn } from "./wire-samples.ts";

const TWO_32 = 2 ** 32;
/** Differences of two of them are exact. */
const MAX_TICK = 2 ** 52;
/** Where the values of the other kinds are, and their bytes. */
const FIXED = {
  float: { field: PACKED.floats, bytes: 4 },
  double: { field: PACKED.doubles, bytes: 8 },
} as const;

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
  readonly #first: Pick<SamplesPart, "baseTimeUs" | "timeUnitUs">;
  readonly #columns = new Map<string, KeptColumn>();

  constructor(ratio: number, first: Pick<SamplesPart, "baseTimeUs" | "timeUnitUs">) {
    this.#ratio = ratio;
    this.#first = first;
  }

  /** Takes a record whose times fit the first's unit. Throws `input.malformed` for one that does not fit itself; these columns are of no use then. */
  take(record: Pick<SamplesPart, "baseTimeUs" | "open">): void {
    const offset = (record.baseTimeUs - this.#first.baseTimeUs) / this.#first.timeUnitUs;
    const { axes, columns } = record.open();
    const moved = axes.map((ticks) => movedBy(ticks, offset));
    for (const column of columns) {
      const ticks = moved[column.axis];
      if (ticks === undefined) throw malformed(`signal ${column.signal} refers to axis ${column.axis}`);
      const kept = this.#keptOf(column);
      const taken =
        column.kind === "integer"
          ? takeIntegers(kept, column.values, ticks, this.#ratio)
          : takeFixed(kept, column.values, ticks, this.#ratio, FIXED[column.kind].bytes);
      if (taken !== ticks.length) throw malformed(`signal ${column.signal} has ${taken} values of ${ticks.length}`);
    }
  }

  /** Writes times and columns into the `PackedSamples` message that is open. Columns share their times where these are equal. */
  write(writer: ProtobufWriter): void {
    const kept = [...this.#columns.values()].filter(({ ticks }) => ticks.length > 0);
    const tickOf = (tick: number): number => tick;
    const known = new KnownAxes<readonly number[]>(tickOf);
    writeLayout(
      writer,
      kept.map(({ column: { signal, kind, source, destination }, ticks }) => {
        return { signal, axis: known.axisOf(ticks), kind, source, destination };
      }),
    );
    writeAxes(writer, known.axes, { tickOf, baseTick: 0 });
    const ofKind = (kind: WireColumn["kind"]) => kept.filter(({ column }) => column.kind === kind);
    writeIntegers(writer, ofKind("integer"));
    writeFixed(writer, ofKind("float"), "float");
    writeFixed(writer, ofKind("double"), "double");
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

function movedBy(ticks: readonly number[], offset: number): readonly number[] {
  const moved = ticks.map((tick) => tick + offset);
  if (moved.some((tick) => Math.abs(tick) > MAX_TICK)) throw malformed("a time is beyond 2^52");
  return moved;
}

/** Running sums modulo 2^64. Gives the number of values. */
function takeIntegers(kept: KeptColumn, pieces: WireColumn["values"], ticks: readonly number[], ratio: number): number {
  let low = 0;
  let high = 0;
  let taken = 0;
  for (const piece of pieces) {
    const reader = new WireReader(piece);
    for (; !reader.isAtEnd; taken++) {
      reader.varint();
      reader.unzigzag();
      const sum = low + reader.low;
      low = sum >>> 0;
      high = (high + reader.high + (sum >= TWO_32 ? 1 : 0)) >>> 0;
      if (taken < ticks.length) keep(kept, ticks[taken], low, high, ratio);
    }
  }
  return taken;
}

/** Values of four or eight bytes, bit by bit as they are. Gives their number, which is not whole where bytes are left. */
function takeFixed(
  kept: KeptColumn,
  [values]: WireColumn["values"],
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

/** The first value of each column, then what each other differs from the one before it. */
function writeIntegers(writer: ProtobufWriter, columns: readonly KeptColumn[]): void {
  if (columns.length === 0) return;
  writer.begin(PACKED.firsts, columns.length * 2);
  for (const { lows, highs } of columns) writer.sint64(lows[0], highs[0]);
  writer.end();
  writer.begin(PACKED.deltas, countOf(columns));
  for (const { lows, highs } of columns) {
    for (let at = 1; at < lows.length; at++) {
      const borrow = lows[at] < lows[at - 1] ? 1 : 0;
      writer.sint64(lows[at] - lows[at - 1], highs[at] - highs[at - 1] - borrow);
    }
  }
  writer.end();
}

function writeFixed(writer: ProtobufWriter, columns: readonly KeptColumn[], kind: keyof typeof FIXED): void {
  if (columns.length === 0) return;
  const { field, bytes } = FIXED[kind];
  const view = new DataView(new ArrayBuffer(countOf(columns) * bytes));
  let at = 0;
  for (const { lows, highs } of columns) {
    for (const [index, low] of lows.entries()) {
      view.setUint32(at, low, true);
      if (bytes === 8) view.setUint32(at + 4, highs[index], true);
      at += bytes;
    }
  }
  writer.bytesField(field, new Uint8Array(view.buffer));
}

function countOf(columns: readonly KeptColumn[]): number {
  return columns.reduce((sum, { lows }) => sum + lows.length, 0);
}
