import { writeBusCount } from "./bus-count.ts";
import { writeCampaign } from "./campaign-ref.ts";
import { type Column, ColumnSorter } from "./columns.ts";
import { PACKED, writeAxes, writeLayout } from "./packed-layout.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { BodyWriter, SampleRun, SampleSource } from "./sample-cutter.ts";
import { shareAxes } from "./shared-axes.ts";

/**
 * Writes the `PackedSamples` message: signals as columns of deltas, which share their times where these are equal: those of one message mostly
 * are, and those of messages that the same control unit sends together often, once they are rounded. What is of one kind lies together over all
 * columns: a batch of a second has some ten values a column, and a compressor sees little in so few.
 *
 * Times are rounded, each on its own, to the nearest multiple of `timeUnitUs` since the Unix epoch (halves upwards), so rounding
 * errors never add up. One writer, whose memory grows with the longest record, serves many sources.
 */
export class SamplesWriter implements BodyWriter {
  readonly #writer = new ProtobufWriter();
  readonly #field: number;
  readonly #timeUnitUs: number;
  readonly #tickOf: (timeUs: number) => number;
  readonly #sorter = new ColumnSorter();

  /** `field`: of the message in the record. */
  constructor(field: number, timeUnitUs: number) {
    this.#field = field;
    this.#timeUnitUs = timeUnitUs;
    this.#tickOf = (timeUs) => Math.round(timeUs / timeUnitUs);
  }

  write({ schema, campaign }: SampleSource, { log, from, to, buses, trigger }: SampleRun): number {
    const writer = this.#writer;
    const tickOf = this.#tickOf;
    const columns = this.#sorter.sort(schema, log, from, to);
    const baseTick = tickOf(log.timesUs[from]);
    const { axes, axisOf } = shareAxes(columns, tickOf);
    writer.reset();
    writer.begin(this.#field, (to - from) * 2);
    writer.stringField(PACKED.table, schema.id);
    writer.sintField(PACKED.baseTimeUs, baseTick * this.#timeUnitUs);
    writer.uintField(PACKED.timeUnitUs, this.#timeUnitUs);
    for (const bus of buses) writeBusCount(writer, PACKED.buses, bus);
    if (campaign !== undefined) writeCampaign(writer, PACKED.campaign, campaign);
    writer.uintField(PACKED.trigger, trigger);
    writeLayout(
      writer,
      columns.map(({ signal: { index, kind }, origin }, at) => {
        return { signal: index, axis: axisOf[at], kind, source: origin?.source, destination: origin?.destination };
      }),
    );
    writeAxes(writer, axes, { tickOf, baseTick });
    this.#writeIntegers(columns.filter(({ signal }) => signal.kind === "integer"));
    this.#writeFloats(columns.filter(({ signal }) => signal.kind === "float"));
    this.#writeDoubles(columns.filter(({ signal }) => signal.kind === "double"));
    writer.end();
    return writer.length;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }

  #writeIntegers(columns: readonly Column[]): void {
    if (columns.length === 0) return;
    const writer = this.#writer;
    writer.begin(PACKED.firsts, columns.length * 2);
    for (const { signal, values, words } of columns) {
      if (signal.wide >= 0) writer.sint64(words[0], words[1]);
      else writer.sint(values[0]);
    }
    writer.end();
    writer.begin(PACKED.deltas, countOf(columns));
    for (const { signal, values, words } of columns) {
      if (signal.wide >= 0) this.#writeWideDeltas(words);
      else writer.deltas(values);
    }
    writer.end();
  }

  /** Differences modulo 2^64, from the halves of each value: low word first, as amd64 and arm64 hold them. */
  #writeWideDeltas(words: Uint32Array): void {
    for (let at = 2; at < words.length; at += 2) {
      const borrow = words[at] < words[at - 2] ? 1 : 0;
      this.#writer.sint64(words[at] - words[at - 2], words[at + 1] - words[at - 1] - borrow);
    }
  }

  #writeFloats(columns: readonly Column[]): void {
    if (columns.length === 0) return;
    this.#writer.begin(PACKED.floats, countOf(columns) * 4);
    for (const { values } of columns) for (let at = 0; at < values.length; at++) this.#writer.float(values[at]);
    this.#writer.end();
  }

  #writeDoubles(columns: readonly Column[]): void {
    if (columns.length === 0) return;
    this.#writer.begin(PACKED.doubles, countOf(columns) * 8);
    for (const { values } of columns) for (let at = 0; at < values.length; at++) this.#writer.double(values[at]);
    this.#writer.end();
  }
}

function countOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { timesUs }) => sum + timesUs.length, 0);
}
