import { COLUMN_KINDS, PACKED } from "../encode/packed-layout.ts";
import { malformed } from "../read/malformed-record.ts";
import { WireReader } from "./wire-reader.ts";
import type { OpenSamples, SamplesPart, WireColumn } from "./wire-samples.ts";

const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** The fields that hold times and values. */
const OPENED: ReadonlySet<number> = new Set([
  PACKED.counts,
  PACKED.starts,
  PACKED.steps,
  PACKED.signals,
  PACKED.axes,
  PACKED.kinds,
  PACKED.firsts,
  PACKED.deltas,
  PACKED.floats,
  PACKED.doubles,
  PACKED.sources,
  PACKED.destinations,
]);

/** Takes a `PackedSamples` message apart (form 2). Throws `input.malformed` where it does not fit itself. */
export function packedSamplesOf(bytes: Uint8Array): SamplesPart {
  const reader = new WireReader(bytes);
  const fields = new Map<number, Uint8Array>();
  const buses: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  let baseTimeUs = 0;
  let timeUnitUs = 0;
  for (let start = 0; reader.next(); start = reader.at) {
    const { field } = reader;
    if (field === PACKED.baseTimeUs) baseTimeUs = reader.sint();
    else if (field === PACKED.timeUnitUs) timeUnitUs = reader.uint();
    else if (field === PACKED.buses) buses.push(reader.skip(start));
    else if (!OPENED.has(field)) others.push(reader.skip(start));
    else if (fields.has(field)) throw malformed(`the samples have a field ${field} more`);
    else fields.set(field, reader.content());
  }
  if (timeUnitUs === 0) throw malformed("the record has no unit of time");
  return { baseTimeUs, timeUnitUs, buses, others, open: () => open(fields) };
}

function open(fields: ReadonlyMap<number, Uint8Array>): OpenSamples {
  const of = (field: number): WireReader => new WireReader(fields.get(field) ?? NOTHING);
  const counts = uintsOf(of(PACKED.counts));
  const axes = axesOf(counts, of(PACKED.starts), of(PACKED.steps));
  const values = {
    firsts: of(PACKED.firsts),
    deltas: of(PACKED.deltas),
    floats: of(PACKED.floats),
    doubles: of(PACKED.doubles),
  };
  const columns = layoutOf(of).map((column) => {
    const count = counts[column.axis];
    if (count === undefined) throw malformed(`signal ${column.signal} refers to axis ${column.axis}`);
    return { ...column, values: valuesOf(column.kind, count, values) };
  });
  if (Object.values(values).some(({ isAtEnd }) => !isAtEnd)) throw malformed("there are more values than times");
  return { axes, columns };
}

function axesOf(counts: readonly number[], starts: WireReader, steps: WireReader): readonly (readonly number[])[] {
  let start = 0;
  let step = 0;
  const axes = counts.map((count) => {
    if (count === 0) throw malformed("an axis has no times");
    start += starts.zigzag();
    const ticks = [start];
    for (let tick = start, at = 1; at < count; at++) {
      step += steps.zigzag();
      tick += step;
      ticks.push(tick);
    }
    return ticks;
  });
  if (!starts.isAtEnd || !steps.isAtEnd) throw malformed("there are more times than the axes have");
  return axes;
}

function layoutOf(of: (field: number) => WireReader): readonly Omit<WireColumn, "values">[] {
  const signals = sumsOf(of(PACKED.signals));
  const axes = sumsOf(of(PACKED.axes));
  const [kinds, sources, destinations] = [PACKED.kinds, PACKED.sources, PACKED.destinations].map((field) => {
    const numbers = uintsOf(of(field));
    return numbers.length === 0 ? signals.map(() => 0) : numbers;
  });
  const all = [axes, kinds, sources, destinations];
  if (all.some(({ length }) => length !== signals.length)) throw malformed("the columns do not fit each other");
  return signals.map((signal, at) => {
    const kind = COLUMN_KINDS[kinds[at]];
    if (kind === undefined) throw malformed(`signal ${signal} is of kind ${kinds[at]}`);
    return { signal, axis: axes[at], kind, source: lessOne(sources[at]), destination: lessOne(destinations[at]) };
  });
}

type Values = Readonly<Record<"firsts" | "deltas" | "floats" | "doubles", WireReader>>;

function valuesOf(
  kind: WireColumn["kind"],
  count: number,
  { firsts, deltas, floats, doubles }: Values,
): WireColumn["values"] {
  switch (kind) {
    case "integer":
      return [firsts.varints(1), deltas.varints(count - 1)];
    case "float":
      return [floats.bytes(count * FLOAT_BYTES)];
    case "double":
      return [doubles.bytes(count * DOUBLE_BYTES)];
  }
}

function lessOne(number: number): number | undefined {
  return number === 0 ? undefined : number - 1;
}

function uintsOf(reader: WireReader): readonly number[] {
  const numbers: number[] = [];
  while (!reader.isAtEnd) numbers.push(reader.packedUint());
  return numbers;
}

function sumsOf(reader: WireReader): readonly number[] {
  const sums: number[] = [];
  for (let sum = 0; !reader.isAtEnd; ) {
    sum += reader.zigzag();
    sums.push(sum);
  }
  return sums;
}
