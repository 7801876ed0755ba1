import type { RecordBody, RecordColumn } from "./decoded-record.ts";
import { malformed } from "./malformed-record.ts";
import { bodyOfColumns, sumsOf, timeOf } from "./record-columns.ts";
import type { WireRecord } from "./record-schema.ts";

type WireSamples = NonNullable<WireRecord["packed_samples"]>;
const VALUE_LISTS = ["firsts", "deltas", "floats", "doubles"] as const;
type ValueList = (typeof VALUE_LISTS)[number];
type ColumnLayout = Omit<RecordColumn, "timesUs" | "raws"> & {
  readonly axis: number;
  readonly kind: WireSamples["kinds"][number];
};

/** The columns of a batch of samples in form 2. Throws `input.malformed` where its lists do not fit each other. */
export function packedSamplesOf(wire: WireSamples): RecordBody {
  const axes = axesOf(wire);
  const values = new PackedValues(wire);
  const columns = layoutOf(wire).map(({ axis, kind, ...column }): RecordColumn => {
    const timesUs = axes[axis];
    if (timesUs === undefined) throw malformed(`signal ${column.signal} refers to axis ${axis} of ${axes.length}`);
    return { ...column, timesUs, raws: values.take(kind, timesUs.length) };
  });
  values.end();
  return bodyOfColumns(wire, columns);
}

function axesOf({ counts, starts, steps, base_time_us: baseUs, time_unit_us: unitUs }: WireSamples): number[][] {
  const times = counts.reduce((sum, count) => sum + count, 0);
  if (counts.includes(0) || starts.length !== counts.length || steps.length !== times - counts.length) {
    throw malformed(`${starts.length} first times and ${steps.length} steps are not ${times} on ${counts.length} axes`);
  }
  let start = 0;
  let step = 0;
  let next = 0;
  return counts.map((count, axis) => {
    start += Number(starts[axis]);
    const timesUs = [timeOf(baseUs, start, unitUs)];
    for (let tick = start; timesUs.length < count; next += 1) {
      step += Number(steps[next]);
      tick += step;
      timesUs.push(timeOf(baseUs, tick, unitUs));
    }
    return timesUs;
  });
}

function layoutOf({ signals, axes, kinds, sources, destinations }: WireSamples): ColumnLayout[] {
  const isWrong = ({ length }: readonly unknown[]): boolean => length !== 0 && length !== signals.length;
  if (axes.length !== signals.length || [kinds, sources, destinations].some(isWrong)) {
    throw malformed(`what is said of ${signals.length} columns does not fit them`);
  }
  let signal = 0;
  let axis = 0;
  return signals.map((more, at) => {
    signal += more;
    axis += axes[at];
    if (signal < 0) throw malformed(`a column is of signal ${signal}`);
    const kind = kinds[at] ?? "COLUMN_KIND_INTEGER";
    return { signal, axis, kind, source: addressOf(sources[at]), destination: addressOf(destinations[at]) };
  });
}

function addressOf(oneMore: number | undefined): number | undefined {
  return oneMore === undefined || oneMore === 0 ? undefined : oneMore - 1;
}

/** Gives the values of one column after the other. */
class PackedValues {
  readonly #wire: WireSamples;
  readonly #taken: Record<ValueList, number> = { firsts: 0, deltas: 0, floats: 0, doubles: 0 };

  constructor(wire: WireSamples) {
    this.#wire = wire;
  }

  take(kind: ColumnLayout["kind"], count: number): RecordColumn["raws"] {
    const { firsts, deltas, floats, doubles } = this.#wire;
    switch (kind) {
      case "COLUMN_KIND_INTEGER":
        return sumsOf([...this.#next("firsts", firsts, 1), ...this.#next("deltas", deltas, count - 1)]);
      case "COLUMN_KIND_FLOAT":
        return this.#next("floats", floats, count);
      case "COLUMN_KIND_DOUBLE":
        return this.#next("doubles", doubles, count);
    }
  }

  /** Throws where a value is left. */
  end(): void {
    for (const list of VALUE_LISTS) {
      const left = this.#wire[list].length - this.#taken[list];
      if (left > 0) throw malformed(`${left} of ${list} belong to no column`);
    }
  }

  #next<T>(list: ValueList, values: readonly T[], count: number): readonly T[] {
    const from = this.#taken[list];
    if (from + count > values.length) throw malformed(`there are ${values.length} of ${list}, and columns need more`);
    this.#taken[list] = from + count;
    return values.slice(from, from + count);
  }
}
