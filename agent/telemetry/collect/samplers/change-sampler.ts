import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

/** How far a value must move from the last one taken: in the signal's unit, or in percent of the magnitude of the last one taken. 0 or above. */
export type Deadband = { readonly absolute: number } | { readonly percent: number };

export type ChangeSettings = {
  /** Longest silence by receive time: an unchanged value is taken again after it, ms. Absent: never. */
  readonly atLeastEveryMs?: number | undefined;
  readonly deadband?: Deadband | undefined;
};

/**
 * Takes a sample that differs from the last one taken, exactly as it came. NaN equals NaN.
 *
 * Without a deadband the bits are compared, those of a wide integer too, and -0 differs from 0. With one the physical values are: a
 * sample is taken when it is farther than the deadband from the last one taken, and when one of the two is NaN or infinite and the
 * other is not the same.
 */
export class ChangeSampler implements Sampler {
  readonly #sink: SampleSink;
  /** Longest silence; 0: no bound. */
  readonly #silenceUs: number;
  readonly #hasDeadband: boolean;
  /** The deadband is `#floor + #share * |last taken|`. */
  readonly #floor: number;
  readonly #share: number;
  #count = 0;
  #outputs = new Uint32Array(0);
  #factors = new Float64Array(0);
  #offsets = new Float64Array(0);
  // Of the last sample taken. µs since the Unix epoch, NaN: never; the bits, and the same memory as float64, which is meaningless
  // for a wide integer; the physical value, kept with a deadband alone.
  #takenUs = new Float64Array(0);
  #values = new Float64Array(0);
  #words = new Uint32Array(this.#values.buffer);
  #physicals = new Float64Array(0);

  constructor({ atLeastEveryMs, deadband }: ChangeSettings, sink: SampleSink) {
    this.#sink = sink;
    this.#silenceUs = (atLeastEveryMs ?? 0) * 1000;
    this.#hasDeadband = deadband !== undefined;
    this.#floor = deadband !== undefined && "absolute" in deadband ? deadband.absolute : 0;
    this.#share = deadband !== undefined && "percent" in deadband ? deadband.percent / 100 : 0;
  }

  add({ output, factor, offset }: SamplerInput): number {
    const local = this.#count++;
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#factors = roomFor(this.#factors, this.#count);
    this.#offsets = roomFor(this.#offsets, this.#count);
    this.#takenUs = roomFor(this.#takenUs, this.#count, Number.NaN);
    this.#values = roomFor(this.#values, this.#count);
    this.#words = new Uint32Array(this.#values.buffer);
    this.#physicals = roomFor(this.#physicals, this.#count);
    this.#outputs[local] = output;
    this.#factors[local] = factor;
    this.#offsets[local] = offset;
    return local;
  }

  take(local: number, reading: Reading): void {
    const timeUs = reading.timeUs;
    if (this.#hasDeadband) {
      const physical = reading.raw * this.#factors[local] + this.#offsets[local];
      if (!this.#isDue(local, timeUs) && !this.#leavesBand(this.#physicals[local], physical)) return;
      this.#physicals[local] = physical;
    } else if (!this.#differs(local, reading) && !this.#isDue(local, timeUs)) {
      return;
    }
    this.#takenUs[local] = timeUs;
    this.#words[local * 2] = reading.low;
    this.#words[local * 2 + 1] = reading.high;
    this.#sink.takeRaw(this.#outputs[local], timeUs, reading.low, reading.high);
  }

  /** Nothing waits here. */
  close(_nowMs: number, _cause: CloseCause): void {}

  #differs(local: number, { raw, low, high }: Reading): boolean {
    const words = this.#words;
    if (words[local * 2] === low && words[local * 2 + 1] === high) return false;
    // NaN has many bit patterns. No wide integer comes this far as one: its rounded value is a number.
    return !(Number.isNaN(raw) && Number.isNaN(this.#values[local]));
  }

  /** The first, or one after the longest silence. A negative time means that the wall clock stepped back; waiting for it to catch up could take years. */
  #isDue(local: number, timeUs: number): boolean {
    const elapsedUs = timeUs - this.#takenUs[local];
    if (Number.isNaN(elapsedUs)) return true;
    return this.#silenceUs > 0 && !(elapsedUs >= 0 && elapsedUs < this.#silenceUs);
  }

  #leavesBand(taken: number, physical: number): boolean {
    if (physical === taken) return false;
    const distance = Math.abs(physical - taken);
    // Infinite ends and NaN have no distance that a band could hold.
    if (!Number.isFinite(distance)) return !(Number.isNaN(physical) && Number.isNaN(taken));
    return distance > this.#floor + this.#share * Math.abs(taken);
  }
}
