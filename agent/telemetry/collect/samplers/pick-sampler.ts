import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { LATE_FRAMES_MS } from "./late-frames.ts";
import { SampleWindows } from "./sample-windows.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

export type PickKind = "min" | "max" | "first" | "last";

export type PickSettings = {
  readonly kind: PickKind;
  /** Absent: a trip. */
  readonly windowMs: number | undefined;
};

/**
 * Takes one sample of each window exactly as it came. Of equal ones the first is the least and the greatest. Least and greatest are so
 * in physical values; wide integers are compared exactly. NaN is left out.
 */
export class PickSampler implements Sampler {
  /** Samples that were NaN. */
  leftOut = 0;
  readonly #sink: SampleSink;
  readonly #kind: PickKind;
  readonly #windows: SampleWindows;
  #count = 0;
  #outputs = new Uint32Array(0);
  /** 1 where a greater raw value is to be taken, -1 where a smaller one. */
  #directions = new Float64Array(0);
  // The sample picked so far, of the open window.
  #timesUs = new Float64Array(0);
  #raws = new Float64Array(0);
  #words = new Uint32Array(0);

  constructor({ kind, windowMs }: PickSettings, sink: SampleSink) {
    this.#sink = sink;
    this.#kind = kind;
    this.#windows = new SampleWindows({ windowMs, graceMs: LATE_FRAMES_MS });
  }

  add({ output, factor }: SamplerInput): number {
    const local = this.#count++;
    this.#windows.grow(this.#count);
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#directions = roomFor(this.#directions, this.#count);
    this.#timesUs = roomFor(this.#timesUs, this.#count);
    this.#raws = roomFor(this.#raws, this.#count);
    this.#words = roomForWords(this.#words, this.#count * 2);
    this.#outputs[local] = output;
    this.#directions[local] = this.#kind === "max" ? Math.sign(factor) : -Math.sign(factor);
    return local;
  }

  take(local: number, reading: Reading): void {
    if (Number.isNaN(reading.raw)) {
      this.leftOut += 1;
      return;
    }
    if (this.#windows.isLeft(local, reading.timeUs)) this.#end(local);
    if (!this.#windows.isOpen(local)) this.#windows.open(local, reading.timeUs);
    else if (!this.#isBetter(local, reading)) return;
    this.#timesUs[local] = reading.timeUs;
    this.#raws[local] = reading.raw;
    this.#words[local * 2] = reading.low;
    this.#words[local * 2 + 1] = reading.high;
  }

  close(nowMs: number, cause: CloseCause): void {
    for (let local = 0; local < this.#count; local++) {
      if (this.#windows.isOpen(local) && this.#windows.isOver(local, nowMs, cause)) this.#end(local);
    }
  }

  #isBetter(local: number, reading: Reading): boolean {
    if (this.#kind === "first") return false;
    if (this.#kind === "last") return true;
    const direction = this.#directions[local];
    const raw = this.#raws[local];
    if (reading.raw !== raw) return (reading.raw - raw) * direction > 0;
    return Math.abs(raw) > Number.MAX_SAFE_INTEGER && this.#compareWords(local, reading) * direction > 0;
  }

  /** Of raw values that are equal when rounded, and so of one sign: their bits ascend with them, or they are equal floating point numbers. `high` is the upper word on the machines the agent is made for. */
  #compareWords(local: number, { low, high }: Reading): number {
    const top = high - this.#words[local * 2 + 1];
    return top === 0 ? low - this.#words[local * 2] : top;
  }

  #end(local: number): void {
    this.#windows.shut(local);
    this.#sink.takeRaw(this.#outputs[local], this.#timesUs[local], this.#words[local * 2], this.#words[local * 2 + 1]);
  }
}
