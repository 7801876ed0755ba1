import type { SignalEntry } from "../../../signals/signal-entry.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of `PackedSamples` in config/proto/telemetry.proto. */
export const PACKED = {
  table: 1,
  baseTimeUs: 2,
  timeUnitUs: 3,
  counts: 4,
  starts: 5,
  buses: 6,
  campaign: 7,
  trigger: 8,
  steps: 9,
  signals: 10,
  axes: 11,
  kinds: 12,
  firsts: 13,
  deltas: 14,
  floats: 15,
  doubles: 16,
  sources: 17,
  destinations: 18,
} as const;

/** Kinds of columns, each at its number in telemetry.proto. */
export const COLUMN_KINDS: readonly SignalEntry["kind"][] = ["integer", "float", "double"];

/** What a column is, but for its values. */
export type ColumnLayout = {
  /** Index in the signal table. */
  readonly signal: number;
  /** Index of its axis. */
  readonly axis: number;
  readonly kind: SignalEntry["kind"];
  readonly source: number | undefined;
  readonly destination: number | undefined;
};

/** Writes the times of all axes, none of them empty, as ticks from `baseTick`; `tickOf` makes ticks of what the axes hold. */
export function writeAxes(
  writer: ProtobufWriter,
  axes: readonly (Float64Array | readonly number[])[],
  { tickOf, baseTick }: { readonly tickOf: (time: number) => number; readonly baseTick: number },
): void {
  writer.packedUints(
    PACKED.counts,
    axes.map(({ length }) => length),
  );
  const starts = axes.map((times) => tickOf(times[0]));
  writer.packedDeltas(PACKED.starts, starts, baseTick);
  writer.begin(PACKED.steps, (axes[0]?.length ?? 0) * axes.length);
  let step = 0;
  axes.forEach((times, axis) => {
    let last = starts[axis];
    for (let at = 1; at < times.length; at++) {
      const tick = tickOf(times[at]);
      writer.sint(tick - last - step);
      step = tick - last;
      last = tick;
    }
  });
  writer.end();
}

/** Writes what the columns are. */
export function writeLayout(writer: ProtobufWriter, columns: readonly ColumnLayout[]): void {
  writer.packedDeltas(
    PACKED.signals,
    columns.map(({ signal }) => signal),
    0,
  );
  writer.packedDeltas(
    PACKED.axes,
    columns.map(({ axis }) => axis),
    0,
  );
  writeWhereAny(writer, PACKED.kinds, columns, ({ kind }) => COLUMN_KINDS.indexOf(kind));
  writeWhereAny(writer, PACKED.sources, columns, ({ source }) => (source === undefined ? 0 : source + 1));
  writeWhereAny(writer, PACKED.destinations, columns, ({ destination }) =>
    destination === undefined ? 0 : destination + 1,
  );
}

/** Nothing at all where every column has 0. */
function writeWhereAny(
  writer: ProtobufWriter,
  field: number,
  columns: readonly ColumnLayout[],
  numberOf: (column: ColumnLayout) => number,
): void {
  const numbers = columns.map(numberOf);
  if (numbers.some((number) => number !== 0)) writer.packedUints(field, numbers);
}
