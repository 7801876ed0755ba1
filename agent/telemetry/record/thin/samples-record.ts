import { inflate } from "../compress.ts";
import { malformed } from "../read/malformed-record.ts";
import { WireReader } from "./wire-reader.ts";

/** Field numbers of config/proto/telemetry.proto. */
const RECORD = { thing: 1, epoch: 2, stream: 3, seq: 4, bootId: 5, anchor: 6, samples: 10 } as const;
const ANCHOR = { monotonicUs: 1, wallUs: 2, suspendedUs: 4 } as const;
const SAMPLES = { baseTimeUs: 2, timeUnitUs: 3, axes: 4, columns: 5, buses: 6 } as const;
const AXIS = { deltas: 1 } as const;
const COLUMN = { signal: 1, axis: 2, raws: 3, floats: 4, doubles: 5, source: 6, destination: 7 } as const;

export const KINDS = ["raws", "floats", "doubles"] as const;
export type ColumnKind = (typeof KINDS)[number];

/** A column, its values as they are on the wire. */
export type WireColumn = {
  readonly signal: number;
  readonly source: number | undefined;
  readonly destination: number | undefined;
  readonly axis: number;
  readonly kind: ColumnKind;
  readonly values: Uint8Array;
};

/** A record of samples, taken apart as far as thinning needs it. Byte arrays are views of its payload before compression. */
export type SamplesRecord = {
  readonly thing: Uint8Array;
  readonly bootId: Uint8Array;
  readonly anchor: Uint8Array;
  /** The wall clock less the boottime, µs, when it was made. */
  readonly clockOffsetUs: number;
  readonly baseTimeUs: number;
  readonly timeUnitUs: number;
  /** Packed deltas. */
  readonly axes: readonly Uint8Array[];
  readonly columns: readonly WireColumn[];
  /** Whole fields of the `Samples` message: the counters of the buses, and everything else that is not time or value. */
  readonly buses: readonly Uint8Array[];
  readonly others: readonly Uint8Array[];
  /** Bytes of the payload before compression. */
  readonly bytes: number;
};

/** Takes a payload apart. Throws `input.malformed` where it is anything but one record of samples that was not thinned before and of which every field is known here. */
export function samplesRecordOf(payload: Uint8Array, maxBytes: number): SamplesRecord {
  const bytes = inflate(payload, maxBytes);
  const reader = new WireReader(bytes);
  const header = new Map<number, Uint8Array>();
  let samples: Uint8Array | undefined;
  while (reader.next()) {
    const { field } = reader;
    if (field === RECORD.epoch || field === RECORD.seq) reader.uint();
    else if (field === RECORD.samples && samples === undefined) samples = reader.content();
    else if (isHeader(field)) header.set(field, reader.content());
    else throw malformed(`the record has a field ${field}`);
  }
  const thing = header.get(RECORD.thing);
  const bootId = header.get(RECORD.bootId);
  const anchor = header.get(RECORD.anchor);
  if (samples === undefined || thing === undefined || bootId === undefined || anchor === undefined) {
    throw malformed("the record is not one of samples");
  }
  return { thing, bootId, anchor, clockOffsetUs: offsetOf(anchor), ...samplesOf(samples), bytes: bytes.length };
}

function isHeader(field: number): boolean {
  return field === RECORD.thing || field === RECORD.stream || field === RECORD.bootId || field === RECORD.anchor;
}

function offsetOf(anchor: Uint8Array): number {
  const reader = new WireReader(anchor);
  let offsetUs = 0;
  while (reader.next()) {
    if (reader.field === ANCHOR.wallUs) offsetUs += reader.sint();
    else if (reader.field === ANCHOR.monotonicUs) offsetUs -= reader.sint();
    else if (reader.field === ANCHOR.suspendedUs) offsetUs -= reader.uint();
    else reader.skip(reader.at);
  }
  return offsetUs;
}

type SamplesPart = Pick<SamplesRecord, "baseTimeUs" | "timeUnitUs" | "axes" | "columns" | "buses" | "others">;

function samplesOf(bytes: Uint8Array): SamplesPart {
  const reader = new WireReader(bytes);
  const axes: Uint8Array[] = [];
  const columns: WireColumn[] = [];
  const buses: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  let baseTimeUs = 0;
  let timeUnitUs = 0;
  for (let start = 0; reader.next(); start = reader.at) {
    if (reader.field === SAMPLES.baseTimeUs) baseTimeUs = reader.sint();
    else if (reader.field === SAMPLES.timeUnitUs) timeUnitUs = reader.uint();
    else if (reader.field === SAMPLES.axes) axes.push(axisOf(reader.content()));
    else if (reader.field === SAMPLES.columns) columns.push(columnOf(reader.content()));
    else if (reader.field === SAMPLES.buses) buses.push(reader.skip(start));
    else others.push(reader.skip(start));
  }
  if (timeUnitUs === 0) throw malformed("the record has no unit of time");
  return { baseTimeUs, timeUnitUs, axes, columns, buses, others };
}

function axisOf(bytes: Uint8Array): Uint8Array {
  const reader = new WireReader(bytes);
  let deltas: Uint8Array = new Uint8Array(0);
  while (reader.next()) {
    if (reader.field !== AXIS.deltas || deltas.length > 0) throw malformed(`an axis has a field ${reader.field} more`);
    deltas = reader.content();
  }
  return deltas;
}

function columnOf(bytes: Uint8Array): WireColumn {
  const reader = new WireReader(bytes);
  let signal = 0;
  let axis = 0;
  let source: number | undefined;
  let destination: number | undefined;
  let kind: ColumnKind | undefined;
  let values: Uint8Array | undefined;
  while (reader.next()) {
    const { field } = reader;
    if (field === COLUMN.signal) signal = reader.uint();
    else if (field === COLUMN.axis) axis = reader.uint();
    else if (field === COLUMN.source) source = reader.uint();
    else if (field === COLUMN.destination) destination = reader.uint();
    else {
      kind = KINDS.find((name) => COLUMN[name] === field);
      if (kind === undefined || values !== undefined) throw malformed(`a column has a field ${field} more`);
      values = reader.content();
    }
  }
  if (kind === undefined || values === undefined) throw malformed("a column has no values");
  return { signal, source, destination, axis, kind, values };
}
