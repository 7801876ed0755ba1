import type { OutputSchema } from "../../collect/lane.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import type { BusCount } from "./bus-count.ts";
import type { CampaignRef } from "./campaign-ref.ts";

/** Aims this far below the limit, since the size of the next samples is an estimate. */
const SAFETY = 0.95;

/** Whose samples they are. */
export type SampleSource = { readonly schema: OutputSchema; readonly campaign: CampaignRef | undefined };

/** What goes into one record: the samples `from` .. `to - 1` of `log`, at least one. */
export type SampleRun = {
  readonly log: SampleLog;
  readonly from: number;
  readonly to: number;
  readonly buses: readonly BusCount[];
  /** Number of the trigger that they belong to; 0 none. */
  readonly trigger: number;
};

/** Writes the body of one record after the other, into memory that it keeps. */
export interface BodyWriter {
  /** Writes a body, which takes the place of the one before; its length, bytes. */
  write(source: SampleSource, run: SampleRun): number;
  /** A copy of the body. */
  finish(): Uint8Array;
}

/** One encoded body, and how many samples it holds. */
export type SamplesBody = { readonly body: Uint8Array; readonly samples: number };

/** Cuts a batch of samples into record bodies that keep the limit, and learns from each cut how many samples fit. */
export class SampleCutter {
  readonly #source: SampleSource;
  readonly #writer: BodyWriter;
  /** Learned whenever the limit cuts a batch; 0 before. Small batches say nothing of it: their fixed part weighs too much. */
  #bytesPerSample = 0;

  constructor(source: SampleSource, writer: BodyWriter) {
    this.#source = source;
    this.#writer = writer;
  }

  /**
   * All samples of `log` as bodies of at most `maxBytes`. They are cut between frames; only a frame that is too long by itself is cut
   * inside. Each carries `buses` and `trigger`.
   */
  cut(log: SampleLog, buses: readonly BusCount[], trigger: number, maxBytes: number): SamplesBody[] {
    const bodies: SamplesBody[] = [];
    let most = this.#samplesThatFit(maxBytes);
    for (let from = 0; from < log.count; ) {
      const to = cutAt(log, from, most);
      const samples = to - from;
      const bytes = this.#writer.write(this.#source, { log, from, to, buses, trigger });
      const isTooLong = bytes > maxBytes;
      if (isTooLong || to < log.count) this.#bytesPerSample = bytes / samples;
      most = this.#samplesThatFit(maxBytes);
      if (isTooLong && samples > 1) {
        most = Math.min(most, samples - 1);
      } else {
        bodies.push({ body: this.#writer.finish(), samples });
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
