import type { HistogramSignal } from "../../record/encode/histograms.ts";
import type { SamplerInput } from "../sampler.ts";

/** What a histogram calls a signal. */
export function signalOf({ signal, origin }: SamplerInput): HistogramSignal {
  const { bus, message, name, unit } = signal;
  if (origin === undefined) return { bus, message, name, unit };
  const { source, destination } = origin;
  return destination === undefined
    ? { bus, message, name, unit, source }
    : { bus, message, name, unit, source, destination };
}
