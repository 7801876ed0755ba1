import type { Sampler, SampleSink } from "../sampler.ts";
import { type PickKind, PickSampler } from "./pick-sampler.ts";
import { type SumKind, SumSampler } from "./sum-sampler.ts";

export type WindowSettings = {
  /** Of the physical values. "count" is the number of samples, "mean" their sum over it; "integral" is in the signal's unit x seconds. */
  readonly kind: PickKind | SumKind;
  /** Windows are whole multiples of it since the Unix epoch, by receive time; absent: a trip. */
  readonly windowMs?: number | undefined;
  /** Longest time for which the integral takes a value to hold, at most `windowMs`, which it is when absent; for a trip 10 s. */
  readonly maxGapMs?: number | undefined;
};

/** A sampler of windows that counts the samples it left out because they were NaN. */
export type WindowSampler = Sampler & { readonly leftOut: number };

/**
 * Takes one sample of each window in which a sample came. "min", "max", "first" and "last" give that very sample, with its bits and
 * its time. The others give a number, at the exclusive end of the window, also when it was cut short, and for a trip at its last sample.
 */
export function windowSampler({ kind, windowMs, maxGapMs }: WindowSettings, sink: SampleSink): WindowSampler {
  switch (kind) {
    case "min":
    case "max":
    case "first":
    case "last":
      return new PickSampler({ kind, windowMs }, sink);
    case "mean":
    case "sum":
    case "count":
    case "integral":
      return new SumSampler({ kind, windowMs, maxGapMs }, sink);
  }
}
