import type { SignalTable } from "../../../signals/signal-table.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { type BusCount, SamplesWriter } from "./samples.ts";

/** Aims this far below the limit, since the size of the next samples is an estimate. */
const SAFETY = 0.95;

/** One encoded `Samples` message, and how many samples it holds. */
export type SamplesBody = { readonly body: Uint8Array; readonly samples: number };

/** Cuts a batch of samples into record bodies that keep the limit, and learns from each cut how many samples fit. */
export class SampleCutter {
  readonly #body = new ProtobufWriter();
  readonly #writer: SamplesWriter;
  /** Learned whenever the limit cuts a batch; 0 before. Small batches say nothing of it: their fixed part weighs too much. */
  #bytesPerSample = 0;

  constructor(table: SignalTable, timeResolutionUs: number) {
    this.#writer = new SamplesWriter(this.#body, table, timeResolutionUs);
  }

  /**
   * All samples of `log` as bodies of at most `maxBytes`, the message as field `field` in each. They are cut between frames; only a
   * frame that is too long by itself is cut inside. Each carries `buses`.
   */
  cut(field: number, log: SampleLog, buses: readonly BusCount[], maxBytes: number): SamplesBody[] {
    const bodies: SamplesBody[] = [];
    let most = this.#samplesThatFit(maxBytes);
    for (let from = 0; from < log.count; ) {
      const to = cutAt(log, from, most);
      const samples = to - from;
      this.#body.reset();
      this.#writer.write(field, log, from, to, buses);
      const isTooLong = this.#body.length > maxBytes;
      if (isTooLong || to < log.count) this.#bytesPerSample = this.#body.length / samples;
      most = this.#samplesThatFit(maxBytes);
      if (isTooLong && samples > 1) {
        most = Math.min(most, samples - 1);
      } else {
        bodies.push({ body: this.#body.finish(), samples });
        from = to;
      }
    }
    return bodies;
  }

  #samplesThatFit(maxBytes: number): number {
    if (this.#bytesPerSample === 0) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((maxBytes * SAFETY) / this.#bytesPerSample));
  }
}

/** End of a run of at most `most` samples from `from`: before the last frame that would not fit whole. */
function cutAt(log: SampleLog, from: number, most: number): number {
  const target = from + most;
  if (target >= log.count) return log.count;
  for (let at = target; at > from; at--) {
    if (log.opens[at] === 1) return at;
  }
  return target;
}
