import type { BusCounters } from "../../../ports/can-bus.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import { type Column, ColumnSorter } from "./columns.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const SAMPLES = { table: 1, baseTimeUs: 2, timeUnitUs: 3, axes: 4, columns: 5, buses: 6 } as const;
const AXIS = { deltas: 1 } as const;
const COLUMN = { signal: 1, axis: 2, raws: 3, floats: 4, doubles: 5, source: 6, destination: 7 } as const;
const BUS_COUNT = { bus: 1, received: 2, dropped: 3, errorFrames: 4 } as const;

/** What one bus has done since the agent started. */
export type BusCount = { readonly bus: string } & Pick<BusCounters, "received" | "dropped" | "errorFrames">;

/** Writes a `BusCount` as field `field` of the message that is open. */
export function writeBusCount(writer: ProtobufWriter, field: number, count: BusCount): void {
  writer.begin(field, 16);
  writer.stringField(BUS_COUNT.bus, count.bus);
  writer.uintField(BUS_COUNT.received, count.received);
  if (count.dropped !== undefined) writer.presentUintField(BUS_COUNT.dropped, count.dropped);
  writer.uintField(BUS_COUNT.errorFrames, count.errorFrames);
  writer.end();
}

/**
 * Writes the `Samples` message: signals as columns of deltas, columns of one message sharing their times where these are equal.
 *
 * Times are rounded, each on its own, to the nearest multiple of `timeUnitUs` since the Unix epoch (halves upwards), so rounding
 * errors never add up.
 */
export class SamplesWriter {
  readonly #writer: ProtobufWriter;
  readonly #tableId: string;
  readonly #timeUnitUs: number;
  readonly #sorter: ColumnSorter;
  #ticks = new Float64Array(0);

  constructor(writer: ProtobufWriter, table: SignalTable, timeUnitUs: number) {
    this.#writer = writer;
    this.#tableId = table.id;
    this.#timeUnitUs = timeUnitUs;
    this.#sorter = new ColumnSorter(table.slots);
  }

  /** Writes the samples `from` .. `to - 1` of `log` (at least one) as field `field`. */
  write(field: number, log: SampleLog, from: number, to: number, buses: readonly BusCount[]): void {
    const writer = this.#writer;
    const columns = this.#sorter.sort(log, from, to);
    const baseTick = this.#tickOf(log.timesUs[from]);
    const { axes, axisOf } = this.#shareAxes(columns);
    writer.begin(field, (to - from) * 3);
    writer.stringField(SAMPLES.table, this.#tableId);
    writer.sintField(SAMPLES.baseTimeUs, baseTick * this.#timeUnitUs);
    writer.uintField(SAMPLES.timeUnitUs, this.#timeUnitUs);
    for (const axis of axes) this.#writeAxis(axis, baseTick);
    for (let at = 0; at < columns.length; at++) this.#writeColumn(columns[at], axisOf[at]);
    for (const bus of buses) writeBusCount(writer, SAMPLES.buses, bus);
    writer.end();
  }

  #tickOf(timeUs: number): number {
    return Math.round(timeUs / this.#timeUnitUs);
  }

  #ticksOf(timesUs: Float64Array): Float64Array {
    if (timesUs.length > this.#ticks.length) this.#ticks = new Float64Array(timesUs.length * 2);
    const ticks = this.#ticks.subarray(0, timesUs.length);
    for (let at = 0; at < timesUs.length; at++) ticks[at] = this.#tickOf(timesUs[at]);
    return ticks;
  }

  /** Signals of one message lie side by side, so an equal axis is looked for among those of the same message only. */
  #shareAxes(columns: readonly Column[]): { axes: Float64Array[]; axisOf: Uint32Array } {
    const axes: Float64Array[] = [];
    const axisOf = new Uint32Array(columns.length);
    let current = -1;
    let firstOfGroup = 0;
    columns.forEach(({ group, timesUs }, at) => {
      if (group !== current) {
        current = group;
        firstOfGroup = axes.length;
      }
      let axis = firstOfGroup;
      while (axis < axes.length && !areEqual(axes[axis], timesUs)) axis += 1;
      if (axis === axes.length) axes.push(timesUs);
      axisOf[at] = axis;
    });
    return { axes, axisOf };
  }

  #writeAxis(timesUs: Float64Array, baseTick: number): void {
    const writer = this.#writer;
    writer.begin(SAMPLES.axes, timesUs.length + 4);
    writer.begin(AXIS.deltas, timesUs.length);
    writer.deltas(this.#ticksOf(timesUs), baseTick);
    writer.end();
    writer.end();
  }

  #writeColumn(column: Column, axis: number): void {
    const writer = this.#writer;
    const { index, kind, wide } = column.signal;
    const { origin } = column;
    const count = column.timesUs.length;
    writer.begin(SAMPLES.columns, count * 2 + 8);
    writer.uintField(COLUMN.signal, index);
    writer.uintField(COLUMN.axis, axis);
    if (origin !== undefined) writer.presentUintField(COLUMN.source, origin.source);
    if (origin?.destination !== undefined) writer.presentUintField(COLUMN.destination, origin.destination);
    if (kind === "float") this.#writeFloats(column.values);
    else if (kind === "double") this.#writeDoubles(column.values);
    else if (wide >= 0) this.#writeWideDeltas(column.words);
    else this.#writeDeltas(column.values);
    writer.end();
  }

  #writeFloats(values: Float64Array): void {
    this.#writer.begin(COLUMN.floats, values.length * 4);
    for (let at = 0; at < values.length; at++) this.#writer.float(values[at]);
    this.#writer.end();
  }

  #writeDoubles(values: Float64Array): void {
    this.#writer.begin(COLUMN.doubles, values.length * 8);
    for (let at = 0; at < values.length; at++) this.#writer.double(values[at]);
    this.#writer.end();
  }

  #writeDeltas(values: Float64Array): void {
    this.#writer.begin(COLUMN.raws, values.length);
    this.#writer.deltas(values, 0);
    this.#writer.end();
  }

  /** Differences modulo 2^64, from the halves of each value: low word first, as amd64 and arm64 hold them. */
  #writeWideDeltas(words: Uint32Array): void {
    this.#writer.begin(COLUMN.raws, words.length);
    let previousLow = 0;
    let previousHigh = 0;
    for (let at = 0; at < words.length; at += 2) {
      const low = words[at];
      const high = words[at + 1];
      const borrow = low < previousLow ? 1 : 0;
      this.#writer.sint64(low - previousLow, high - previousHigh - borrow);
      previousLow = low;
      previousHigh = high;
    }
    this.#writer.end();
  }
}

function areEqual(one: Float64Array, other: Float64Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}
