import type { SignalKind } from "../../../signals/signal-entry.ts";
import { malformed } from "../read/malformed-record.ts";
import { WireReader } from "./wire-reader.ts";

/** Field numbers of config/proto/telemetry.proto. */
const SAMPLES = { baseTimeUs: 2, timeUnitUs: 3, axes: 4, columns: 5, buses: 6 } as const;
const AXIS = { deltas: 1 } as const;
const COLUMN = { signal: 1, axis: 2, source: 6, destination: 7 } as const;
/** What the values in each field of a column are. */
const VALUE_KINDS = new Map<number, SignalKind>([
  [3, "integer"],
  [4, "float"],
  [5, "double"],
]);

/** A column, its values as they are on the wire, in one piece after the other: of integers the first value, then differences. */
export type WireColumn = {
  readonly signal: number;
  readonly source: number | undefined;
  readonly destination: number | undefined;
  readonly axis: number;
  readonly kind: SignalKind;
  readonly values: readonly Uint8Array[];
};

/** The times and values of a message of samples. */
export type OpenSamples = {
  /** Times, in their unit from the base. */
  readonly axes: readonly (readonly number[])[];
  readonly columns: readonly WireColumn[];
};

/** A message of samples in either form. Byte arrays are views of it. */
export type SamplesPart = {
  readonly baseTimeUs: number;
  readonly timeUnitUs: number;
  /** Whole fields, whose numbers are the same in both forms: the counters of the buses, and everything else that is not time or value. */
  readonly buses: readonly Uint8Array[];
  readonly others: readonly Uint8Array[];
  /** Reads the rest of it, anew each time: many messages are held while one after the other is read. Throws `input.malformed` where it does not fit itself. */
  readonly open: () => OpenSamples;
};

/** Takes a `Samples` message apart (form 1). Throws `input.malformed` where it does not fit itself. */
export function samplesOf(bytes: Uint8Array): SamplesPart {
  const reader = new WireReader(bytes);
  const axes: Uint8Array[] = [];
  const columns: Uint8Array[] = [];
  const buses: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  let baseTimeUs = 0;
  let timeUnitUs = 0;
  for (let start = 0; reader.next(); start = reader.at) {
    if (reader.field === SAMPLES.baseTimeUs) baseTimeUs = reader.sint();
    else if (reader.field === SAMPLES.timeUnitUs) timeUnitUs = reader.uint();
    else if (reader.field === SAMPLES.axes) axes.push(reader.content());
    else if (reader.field === SAMPLES.columns) columns.push(reader.content());
    else if (reader.field === SAMPLES.buses) buses.push(reader.skip(start));
    else others.push(reader.skip(start));
  }
  if (timeUnitUs === 0) throw malformed("the record has no unit of time");
  const open = (): OpenSamples => ({ axes: axes.map(axisOf), columns: columns.map(columnOf) });
  return { baseTimeUs, timeUnitUs, buses, others, open };
}

function axisOf(bytes: Uint8Array): readonly number[] {
  const reader = new WireReader(bytes);
  const ticks: number[] = [];
  while (reader.next()) {
    if (reader.field !== AXIS.deltas || ticks.length > 0) throw malformed(`an axis has a field ${reader.field} more`);
    const deltas = new WireReader(reader.content());
    for (let tick = 0; !deltas.isAtEnd; ) {
      tick += deltas.zigzag();
      ticks.push(tick);
    }
  }
  return ticks;
}

function columnOf(bytes: Uint8Array): WireColumn {
  const reader = new WireReader(bytes);
  let signal = 0;
  let axis = 0;
  let source: number | undefined;
  let destination: number | undefined;
  let kind: SignalKind | undefined;
  let values: Uint8Array | undefined;
  while (reader.next()) {
    const { field } = reader;
    if (field === COLUMN.signal) signal = reader.uint();
    else if (field === COLUMN.axis) axis = reader.uint();
    else if (field === COLUMN.source) source = reader.uint();
    else if (field === COLUMN.destination) destination = reader.uint();
    else {
      kind = VALUE_KINDS.get(field);
      if (kind === undefined || values !== undefined) throw malformed(`a column has a field ${field} more`);
      values = reader.content();
    }
  }
  if (kind === undefined || values === undefined) throw malformed("a column has no values");
  return { signal, source, destination, axis, kind, values: [values] };
}
