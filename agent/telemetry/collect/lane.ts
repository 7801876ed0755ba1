import type { SignalEntry } from "../../signals/signal-entry.ts";
import type { SignalSlots } from "../../signals/signal-slots.ts";
import { SampleLog } from "./sample-log.ts";
import type { SampleSink } from "./sampler.ts";

/** What the columns of records mean: a signal table, of the vehicle or of one campaign. */
export type OutputSchema = {
  /** As in `SignalTable.id`. */
  readonly id: string;
  readonly signals: readonly SignalEntry[];
  /** Of the VSS names of its signals. */
  readonly vssRelease?: string | undefined;
  readonly slots: Pick<SignalSlots, "capacity" | "count" | "signalOf" | "originOf" | "groupOf">;
};

/** The frame that is being taken, for everybody who takes part. */
export type FramePass = {
  /** Counts up with each frame. */
  frame: number;
  /** Set by a lane that has reached its size: all must be drained before the next frame. */
  isFull: boolean;
};

/** Where the samples of one campaign gather, oldest frame first, until they become records. */
export class Lane implements SampleSink {
  readonly schema: OutputSchema;
  /** Samples that found it full; none as long as the owner drains when `FramePass.isFull`. */
  discarded = 0;
  readonly #batchSamples: number;
  readonly #pass: FramePass;
  #log: SampleLog;
  #spare: SampleLog;
  #frame = -1;

  constructor(schema: OutputSchema, batchSamples: number, pass: FramePass) {
    this.schema = schema;
    this.#batchSamples = batchSamples;
    this.#pass = pass;
    // Beyond the batch there is room for the frame that fills it, and for all that waits when windows are closed.
    const maxSamples = batchSamples + 2 * schema.slots.capacity;
    this.#log = new SampleLog(maxSamples);
    this.#spare = new SampleLog(maxSamples);
  }

  /** Samples that wait for `drain`. */
  get count(): number {
    return this.#log.count;
  }

  /** Whether it has reached its size. */
  get isFull(): boolean {
    return this.#log.count >= this.#batchSamples;
  }

  takeRaw(output: number, timeUs: number, low: number, high: number): void {
    const at = this.#take(output, timeUs);
    if (at < 0) return;
    const { words } = this.#log;
    // As words, because a float64 copy need not keep the bits of a wide integer that look like a NaN.
    words[at * 2] = low;
    words[at * 2 + 1] = high;
  }

  takeValue(output: number, timeUs: number, value: number): void {
    const at = this.#take(output, timeUs);
    if (at >= 0) this.#log.values[at] = value;
  }

  /** The samples since the last drain; the log is valid until the next one. */
  drain(): SampleLog {
    const drained = this.#log;
    this.#log = this.#spare;
    this.#log.clear();
    this.#spare = drained;
    return drained;
  }

  #take(output: number, timeUs: number): number {
    const log = this.#log;
    if (!log.reserve()) {
      this.discarded += 1;
      return -1;
    }
    const at = log.count;
    log.slots[at] = output;
    log.timesUs[at] = timeUs;
    log.opens[at] = this.#frame === this.#pass.frame ? 0 : 1;
    this.#frame = this.#pass.frame;
    log.count = at + 1;
    if (log.count >= this.#batchSamples) this.#pass.isFull = true;
    return at;
  }
}
