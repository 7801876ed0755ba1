import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { LATE_FRAMES_MS } from "./late-frames.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

export type LatestSettings = {
  /** Windows are whole multiples of it since the Unix epoch, by receive time; above 0. */
  readonly windowMs: number;
};

/**
 * Takes the last sample of each window, exactly as it came and with its own time. A window ends with the first sample of another
 * one, with "stop", or when the monotonic clock says that it must be over: receive times may come from another clock (a log, a
 * remote bus).
 */
export class LatestSampler implements Sampler {
  readonly #sink: SampleSink;
  readonly #windowMs: number;
  readonly #windowUs: number;
  #count = 0;
  #outputs = new Uint32Array(0);
  /** Receive time of the sample that waits for its window to end; NaN: none does. */
  #pendingUs = new Float64Array(0);
  #words = new Uint32Array(0);
  /** Monotonic time at which `close` first met the waiting sample, ms; NaN: not yet. */
  #metMs = new Float64Array(0);

  constructor({ windowMs }: LatestSettings, sink: SampleSink) {
    this.#sink = sink;
    this.#windowMs = windowMs;
    this.#windowUs = windowMs * 1000;
  }

  add({ output }: SamplerInput): number {
    const local = this.#count++;
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#pendingUs = roomFor(this.#pendingUs, this.#count, Number.NaN);
    this.#words = roomForWords(this.#words, this.#count * 2);
    this.#metMs = roomFor(this.#metMs, this.#count, Number.NaN);
    this.#outputs[local] = output;
    return local;
  }

  take(local: number, reading: Reading): void {
    const windowUs = this.#windowUs;
    const pendingUs = this.#pendingUs[local];
    const isNewWindow = Math.floor(reading.timeUs / windowUs) !== Math.floor(pendingUs / windowUs);
    if (isNewWindow && !Number.isNaN(pendingUs)) this.#takePending(local);
    this.#pendingUs[local] = reading.timeUs;
    this.#words[local * 2] = reading.low;
    this.#words[local * 2 + 1] = reading.high;
  }

  close(nowMs: number, cause: CloseCause): void {
    for (let local = 0; local < this.#count; local++) {
      if (Number.isNaN(this.#pendingUs[local])) continue;
      if (cause === "stop" || cause === "step" || this.#hasWaitedLong(local, nowMs)) this.#takePending(local);
    }
  }

  #hasWaitedLong(local: number, nowMs: number): boolean {
    if (Number.isNaN(this.#metMs[local])) this.#metMs[local] = nowMs;
    return nowMs - this.#metMs[local] >= this.#windowMs + LATE_FRAMES_MS;
  }

  #takePending(local: number): void {
    const timeUs = this.#pendingUs[local];
    this.#pendingUs[local] = Number.NaN;
    this.#metMs[local] = Number.NaN;
    this.#sink.takeRaw(this.#outputs[local], timeUs, this.#words[local * 2], this.#words[local * 2 + 1]);
  }
}
