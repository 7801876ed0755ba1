import type { CanFrame } from "../../../ports/frame.ts";
import type { BusCount } from "../encode/bus-count.ts";
import type { RecordBody, RecordColumn } from "./decoded-record.ts";
import { malformed } from "./malformed-record.ts";
import type { WireRecord } from "./record-schema.ts";

type WireSamples = NonNullable<WireRecord["samples"]>;
type WireColumn = WireSamples["columns"][number];

/** The frames of a capture. Throws `input.malformed` where their columns do not fit each other. */
export function framesOf(wire: NonNullable<WireRecord["frames"]>): readonly CanFrame[] {
  const { ids, flags, lengths, data } = wire;
  const times = timesOf(wire.deltas, wire.base_time_us, 1);
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  if ([ids, flags, lengths].some(({ length }) => length !== times.length) || bytes !== data.length) {
    throw malformed(`the columns of ${times.length} frames do not fit each other`);
  }
  let end = 0;
  return times.map((receivedAtUs, at) => {
    const start = end;
    end += lengths[at];
    return { id: ids[at], flags: flags[at], data: Uint8Array.from(data.subarray(start, end)), receivedAtUs };
  });
}

/** The columns of a batch of samples in form 1. Throws `input.malformed` for a column that does not fit its times. */
export function samplesOf(wire: WireSamples): RecordBody {
  const axes = wire.axes.map(({ deltas }) => timesOf(deltas, wire.base_time_us, wire.time_unit_us));
  return bodyOfColumns(
    wire,
    wire.columns.map((column) => columnOf(column, axes)),
  );
}

/** A batch of samples, in whatever form its columns came. */
export function bodyOfColumns(
  wire: Omit<WireSamples, "axes" | "columns">,
  columns: readonly RecordColumn[],
): RecordBody {
  return {
    kind: "samples",
    table: wire.table,
    timeUnitUs: wire.time_unit_us,
    columns,
    buses: wire.buses.map(busCountOf),
    campaign: wire.campaign ?? undefined,
    trigger: wire.trigger === 0 ? undefined : wire.trigger,
  };
}

function timesOf(deltas: readonly bigint[], baseUs: number, unitUs: number): number[] {
  let ticks = 0;
  return deltas.map((delta) => {
    ticks += Number(delta);
    return timeOf(baseUs, ticks, unitUs);
  });
}

/** µs since the Unix epoch. Throws `input.malformed` for a time beyond 2^53. */
export function timeOf(baseUs: number, ticks: number, unitUs: number): number {
  const timeUs = baseUs + ticks * unitUs;
  if (!Number.isSafeInteger(timeUs)) throw malformed(`a time is ${timeUs} µs, beyond 2^53`);
  return timeUs;
}

function columnOf(wire: WireColumn, axes: readonly (readonly number[])[]): RecordColumn {
  const timesUs = axes[wire.axis];
  if (timesUs === undefined) throw malformed(`signal ${wire.signal} refers to axis ${wire.axis} of ${axes.length}`);
  const used = [wire.raws, wire.floats, wire.doubles].filter((values) => values.length > 0);
  const raws = used.length > 1 ? [] : wire.raws.length > 0 ? sumsOf(wire.raws) : (used[0] ?? []);
  if (used.length > 1 || raws.length !== timesUs.length) {
    const values = used.reduce((sum, { length }) => sum + length, 0);
    throw malformed(
      `signal ${wire.signal} has ${values} values of ${used.length} kinds for the ${timesUs.length} times of axis ${wire.axis}`,
    );
  }
  const { signal, source, destination } = wire;
  return { signal, source, destination, timesUs, raws };
}

/** Running sums modulo 2^64; in float64 as long as both the sum and the step are exact there. */
export function sumsOf(deltas: readonly bigint[]): (number | bigint)[] {
  let sum: number | bigint = 0;
  return deltas.map((delta) => {
    const step = Number(delta);
    const next: number = typeof sum === "number" ? sum + step : Number.NaN;
    const isExact = Number.isSafeInteger(step) && Number.isSafeInteger(next);
    sum = isExact ? next : plain(BigInt.asIntN(64, BigInt(sum) + delta));
    return sum;
  });
}

function plain(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** What a bus has done since the agent started. */
export function busCountOf(wire: WireSamples["buses"][number]): BusCount {
  return { bus: wire.bus, received: wire.received, dropped: wire.dropped, errorFrames: wire.error_frames };
}
