import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

export type EverySettings = {
  /** Least time between two samples taken, by receive time; 0 takes every sample. */
  readonly ms: number;
};

/** Takes a sample once the least time has passed since the last one taken, exactly as it came. When the wall clock stepped back it goes on at once. */
export class EverySampler implements Sampler {
  readonly #sink: SampleSink;
  readonly #periodUs: number;
  #count = 0;
  #outputs = new Uint32Array(0);
  /** When last taken, µs since the Unix epoch; NaN: never. */
  #takenUs = new Float64Array(0);

  constructor({ ms }: EverySettings, sink: SampleSink) {
    this.#sink = sink;
    this.#periodUs = ms * 1000;
  }

  add({ output }: SamplerInput): number {
    const local = this.#count++;
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#takenUs = roomFor(this.#takenUs, this.#count, Number.NaN);
    this.#outputs[local] = output;
    return local;
  }

  take(local: number, reading: Reading): void {
    const timeUs = reading.timeUs;
    const elapsedUs = timeUs - this.#takenUs[local];
    // Time that ran backwards is a step of the wall clock; waiting for it to catch up could take years.
    if (elapsedUs >= 0 && elapsedUs < this.#periodUs) return;
    this.#takenUs[local] = timeUs;
    this.#sink.takeRaw(this.#outputs[local], timeUs, reading.low, reading.high);
  }

  /** Nothing waits here. */
  close(_nowMs: number, _cause: CloseCause): void {}
}
