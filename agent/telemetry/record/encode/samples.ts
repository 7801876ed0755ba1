import { writeBusCount } from "./bus-count.ts";
import { writeCampaign } from "./campaign-ref.ts";
import { type Column, ColumnSorter } from "./columns.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { BodyWriter, SampleRun, SampleSource } from "./sample-cutter.ts";

/** Field numbers of config/proto/telemetry.proto. */
const SAMPLES = {
  table: 1,
  baseTimeUs: 2,
  timeUnitUs: 3,
  axes: 4,
  columns: 5,
  buses: 6,
  campaign: 7,
  trigger: 8,
} as const;
const AXIS = { deltas: 1 } as const;
const COLUMN = { signal: 1, axis: 2, raws: 3, floats: 4, doubles: 5, source: 6, destination: 7 } as const;

/**
 * Writes the `Samples` message: signals as columns of deltas, which share their times where these are equal: those of one message mostly are,
 * and those of messages that the same control unit sends together often, once they are rounded.
 *
 * Times are rounded, each on its own, to the nearest multiple of `timeUnitUs` since the Unix epoch (halves upwards), so rounding
 * errors never add up. One writer, whose memory grows with the longest record, serves many sources.
 */
export class SamplesWriter implements BodyWriter {
  readonly #writer = new ProtobufWriter();
  readonly #field: number;
  readonly #timeUnitUs: number;
  readonly #sorter = new ColumnSorter();
  #ticks = new Float64Array(0);

  /** `field`: of the message in the record. */
  constructor(field: number, timeUnitUs: number) {
    this.#field = field;
    this.#timeUnitUs = timeUnitUs;
  }

  write({ schema, campaign }: SampleSource, { log, from, to, buses, trigger }: SampleRun): number {
    const writer = this.#writer;
    const columns = this.#sorter.sort(schema, log, from, to);
    const baseTick = this.#tickOf(log.timesUs[from]);
    const { axes, axisOf } = this.#shareAxes(columns);
    writer.reset();
    writer.begin(this.#field, (to - from) * 3);
    writer.stringField(SAMPLES.table, schema.id);
    writer.sintField(SAMPLES.baseTimeUs, baseTick * this.#timeUnitUs);
    writer.uintField(SAMPLES.timeUnitUs, this.#timeUnitUs);
    for (const axis of axes) this.#writeAxis(axis, baseTick);
    for (let at = 0; at < columns.length; at++) this.#writeColumn(columns[at], axisOf[at]);
    for (const bus of buses) writeBusCount(writer, SAMPLES.buses, bus);
    if (campaign !== undefined) writeCampaign(writer, SAMPLES.campaign, campaign);
    writer.uintField(SAMPLES.trigger, trigger);
    writer.end();
    return writer.length;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
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

  /** Signals of one message lie side by side, so an equal axis is looked for among those of the same message first. */
  #shareAxes(columns: readonly Column[]): { axes: Float64Array[]; axisOf: Uint32Array } {
    const axes: Float64Array[] = [];
    const axisOf = new Uint32Array(columns.length);
    const known = new Map<string, number[]>();
    let current = -1;
    /** Those of the message, by their numbers. */
    let own: number[] = [];
    columns.forEach(({ group, timesUs }, at) => {
      if (group !== current) {
        current = group;
        own = [];
      }
      const found = own.find((axis) => areEqual(axes[axis], timesUs));
      axisOf[at] = found ?? this.#axisOf(timesUs, axes, known);
      if (found === undefined) own.push(axisOf[at]);
    });
    return { axes, axisOf };
  }

  /** The axis of other messages that is the same once it is rounded, or a new one. `known`: axes by their length and ends. */
  #axisOf(timesUs: Float64Array, axes: Float64Array[], known: Map<string, number[]>): number {
    const last = timesUs.length - 1;
    const key = `${last} ${this.#tickOf(timesUs[0])} ${this.#tickOf(timesUs[last])}`;
    const alike = known.get(key) ?? [];
    const found = alike.find((axis) => this.#haveEqualTicks(axes[axis], timesUs));
    if (found !== undefined) return found;
    axes.push(timesUs);
    known.set(key, [...alike, axes.length - 1]);
    return axes.length - 1;
  }

  #haveEqualTicks(left: Float64Array, right: Float64Array): boolean {
    for (let at = 0; at < right.length; at++) if (this.#tickOf(left[at]) !== this.#tickOf(right[at])) return false;
    return true;
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
