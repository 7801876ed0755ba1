import type { VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import type { Sample } from "./received-frames.ts";

/** What cells count, and of which bins. */
export type CellOrder = {
  readonly kind: "histogram" | "duration" | "counter";
  readonly by: "time" | "samples" | "changes" | "increase";
  readonly edges: readonly number[];
  /** Raw values of the states of a duration, in the order of their cells. */
  readonly states: readonly number[];
  /** The period: from inclusive, to exclusive, µs. */
  readonly fromUs: number;
  readonly toUs: number;
};

/** Longest time for which a value holds, µs. */
const HOLD_US = 10_000_000;

/** The cells of one signal in one period, counted sample by sample. */
export function cellsOf(samples: readonly Sample[], signal: VehicleSignal, order: CellOrder): readonly number[] {
  const { kind, by, edges, states, fromUs, toUs } = order;
  const length = kind === "histogram" ? edges.length + 1 : kind === "duration" ? states.length + 1 : 1;
  const cells = Array.from({ length }, () => 0);
  const cellOf = ({ raw, physical }: Sample): number => {
    if (kind === "histogram") return edges.filter((edge) => edge <= physical).length;
    const state = states.indexOf(Number(raw));
    return state < 0 ? states.length : state;
  };
  samples.forEach((sample, at) => {
    const before = at === 0 ? undefined : samples[at - 1];
    const isInside = sample.timeUs >= fromUs && sample.timeUs < toUs;
    if (by === "time") {
      if (before === undefined || sample.timeUs - before.timeUs > HOLD_US) return;
      const heldUs = Math.min(sample.timeUs, toUs) - Math.max(before.timeUs, fromUs);
      if (heldUs > 0) cells[cellOf(before)] += heldUs;
    } else if (isInside) {
      if (by === "samples") cells[kind === "counter" ? 0 : cellOf(sample)] += 1;
      else if (before !== undefined)
        cells[0] += by === "changes" ? changed(before, sample) : risen(before, sample, signal);
    }
  });
  return cells;
}

function changed(before: Sample, now: Sample): number {
  return Object.is(before.raw, now.raw) ? 0 : 1;
}

/** A rise of half the range or more is a step back. */
function risen(before: Sample, now: Sample, { bits }: VehicleSignal): number {
  const rise = BigInt.asUintN(bits, BigInt(now.raw) - BigInt(before.raw));
  return rise < 2n ** BigInt(bits - 1) ? Number(rise) : 0;
}
