import type { Sample } from "./received-frames.ts";

/** A number that must have come: its time and value. A `sample` where it is one of the samples, exactly. */
export type Expected = {
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly value: number;
  readonly sample?: Sample;
};

/** Longest time for which the integral over a trip takes a value to hold, µs. */
const TRIP_GAP_US = 10_000_000;

/** Kinds of aggregates that a campaign can ask for. */
export type AggregateKind = "min" | "max" | "mean" | "count" | "first" | "last" | "sum" | "integral";

/**
 * The aggregates of samples in the order in which they came, by the plainest reading of what campaigns promise. `windowUs` is infinite for
 * a trip, of which these are all samples.
 */
export function aggregatesOf(kind: AggregateKind, samples: readonly Sample[], windowUs: number): readonly Expected[] {
  const windows = Map.groupBy(
    samples.filter(({ physical }) => !Number.isNaN(physical)),
    ({ timeUs }) => Math.floor(timeUs / windowUs),
  );
  return [...windows].map(([number, inside]): Expected => {
    const endUs = Number.isFinite(windowUs) ? (number + 1) * windowUs : inside[inside.length - 1].timeUs;
    switch (kind) {
      case "first":
        return expectedOf(inside[0]);
      case "last":
        return expectedOf(inside[inside.length - 1]);
      case "min":
        return expectedOf(inside.reduce((best, one) => (one.physical < best.physical ? one : best)));
      case "max":
        return expectedOf(inside.reduce((best, one) => (one.physical > best.physical ? one : best)));
      case "count":
        return { timeUs: endUs, value: inside.length };
      case "sum":
        return { timeUs: endUs, value: sumOf(inside) };
      case "mean":
        return { timeUs: endUs, value: sumOf(inside) / inside.length };
      case "integral":
        return { timeUs: endUs, value: heldIn(samples, windowUs, number) };
    }
  });
}

/** The last sample of each window. */
export function latestOf(samples: readonly Sample[], windowUs: number): readonly Expected[] {
  const windows = Map.groupBy(samples, ({ timeUs }) => Math.floor(timeUs / windowUs));
  return [...windows.values()].map((inside) => expectedOf(inside[inside.length - 1]));
}

/** A sample as what must have come. */
export function expectedOf(sample: Sample): Expected {
  return { timeUs: sample.timeUs, value: sample.physical, sample };
}

function sumOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { physical }) => sum + physical, 0);
}

/** Each value times the seconds for which it held in this window: until the next sample, but for gaps that are too long. */
function heldIn(samples: readonly Sample[], windowUs: number, number: number): number {
  const fromUs = Number.isFinite(windowUs) ? number * windowUs : Number.NEGATIVE_INFINITY;
  const toUs = Number.isFinite(windowUs) ? fromUs + windowUs : Number.POSITIVE_INFINITY;
  const longestUs = Math.min(windowUs, Number.isFinite(windowUs) ? windowUs : TRIP_GAP_US);
  let sum = 0;
  for (let at = 1; at < samples.length; at++) {
    const before = samples[at - 1];
    const after = samples[at];
    const gapUs = after.timeUs - before.timeUs;
    if (gapUs < 0 || gapUs > longestUs) continue;
    const inside = Math.min(after.timeUs, toUs) - Math.max(before.timeUs, fromUs);
    if (inside > 0) sum += (before.physical * inside) / 1e6;
  }
  return sum;
}
