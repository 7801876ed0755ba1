import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { compareProducts, differenceBeyond } from "./exact-products.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

export type CurveSettings = {
  /** Farthest that a dropped sample may be from the straight line between the samples around it, in the signal's unit; 0 or above. */
  readonly maxError: number;
  /** Longest time until what came is covered by a sample taken. */
  readonly maxDelayMs: number;
};

/**
 * Takes only the samples between which straight lines come within `maxError` of every sample that was dropped, exactly as they came.
 *
 * The bound holds for the physical values without any rounding, its ends included: a door is kept open by every dropped sample, as in
 * swinging door trending (Bristol, US patent 4,669,097), but hinged at the sample taken, so that the line goes through samples alone.
 * Near the last digits of a float64 a sample more is taken rather than one too few.
 *
 * A sample is on its way `maxDelayMs` after it came, or with the first sample or tick after that. Where time does not go on (equal
 * times, a step of the clock) or a value is no finite number, the samples around are taken; a repeated one is dropped.
 */
export class CurveSampler implements Sampler {
  readonly #sink: SampleSink;
  readonly #maxError: number;
  readonly #maxDelayMs: number;
  readonly #maxDelayUs: number;
  #count = 0;
  #outputs = new Uint32Array(0);
  #factors = new Float64Array(0);
  #offsets = new Float64Array(0);
  // The sample taken last; NaN: none.
  #takenUs = new Float64Array(0);
  #taken = new Float64Array(0);
  // The newest sample, with its bits: the one taken last, or one that waits and could end the line.
  #newestUs = new Float64Array(0);
  #newest = new Float64Array(0);
  #words = new Uint32Array(0);
  /** When the first sample after the one taken last came; NaN: none waits. */
  #waitingUs = new Float64Array(0);
  /** Monotonic time at which `close` first met it, ms; NaN: not yet. */
  #metMs = new Float64Array(0);
  // The door: the line must rise at least by `floor` in `floorUs`, and at most by `ceiling` in `ceilingUs`; 0 µs: it may do as it likes.
  #floors = new Float64Array(0);
  #floorsUs = new Float64Array(0);
  #ceilings = new Float64Array(0);
  #ceilingsUs = new Float64Array(0);

  constructor({ maxError, maxDelayMs }: CurveSettings, sink: SampleSink) {
    this.#sink = sink;
    this.#maxError = maxError;
    this.#maxDelayMs = maxDelayMs;
    this.#maxDelayUs = maxDelayMs * 1000;
  }

  add({ output, factor, offset }: SamplerInput): number {
    const local = this.#count++;
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#factors = roomFor(this.#factors, this.#count);
    this.#offsets = roomFor(this.#offsets, this.#count);
    this.#takenUs = roomFor(this.#takenUs, this.#count, Number.NaN);
    this.#taken = roomFor(this.#taken, this.#count);
    this.#newestUs = roomFor(this.#newestUs, this.#count);
    this.#newest = roomFor(this.#newest, this.#count);
    this.#words = roomForWords(this.#words, this.#count * 2);
    this.#waitingUs = roomFor(this.#waitingUs, this.#count, Number.NaN);
    this.#metMs = roomFor(this.#metMs, this.#count, Number.NaN);
    this.#floors = roomFor(this.#floors, this.#count);
    this.#floorsUs = roomFor(this.#floorsUs, this.#count);
    this.#ceilings = roomFor(this.#ceilings, this.#count);
    this.#ceilingsUs = roomFor(this.#ceilingsUs, this.#count);
    this.#outputs[local] = output;
    this.#factors[local] = factor;
    this.#offsets[local] = offset;
    return local;
  }

  take(local: number, reading: Reading): void {
    const { timeUs } = reading;
    const physical = reading.raw * this.#factors[local] + this.#offsets[local];
    if (!Number.isNaN(this.#takenUs[local])) {
      if (timeUs === this.#newestUs[local] && isSame(physical, this.#newest[local])) return;
      if (this.#isWaiting(local) && !this.#goesOn(local, timeUs, physical)) this.#takeNewest(local);
    }
    const canWait = this.#canFollow(local, timeUs, physical);
    this.#newestUs[local] = timeUs;
    this.#newest[local] = physical;
    this.#words[local * 2] = reading.low;
    this.#words[local * 2 + 1] = reading.high;
    if (canWait && !this.#isWaiting(local)) this.#waitingUs[local] = timeUs;
    if (!canWait || timeUs - this.#waitingUs[local] >= this.#maxDelayUs) this.#takeNewest(local);
  }

  close(nowMs: number, cause: CloseCause): void {
    for (let local = 0; local < this.#count; local++) {
      this.#closeLine(local, nowMs, cause);
      // What comes after a stop or by another clock is another line: nothing is known of the time between.
      if (cause === "stop" || cause === "step") this.#takenUs[local] = Number.NaN;
    }
  }

  #closeLine(local: number, nowMs: number, cause: CloseCause): void {
    if (!this.#isWaiting(local)) return;
    if (Number.isNaN(this.#metMs[local])) this.#metMs[local] = nowMs;
    if (cause !== "tick" || nowMs - this.#metMs[local] >= this.#maxDelayMs) this.#takeNewest(local);
  }

  #isWaiting(local: number): boolean {
    return !Number.isNaN(this.#waitingUs[local]);
  }

  /** Whether a line may lead from the newest sample to this one. */
  #canFollow(local: number, timeUs: number, physical: number): boolean {
    if (Number.isNaN(this.#takenUs[local]) || !(timeUs > this.#newestUs[local])) return false;
    const newest = this.#newest[local];
    return Number.isFinite(physical) ? Number.isFinite(newest) : isSame(physical, newest);
  }

  /** Whether the sample that waits can be dropped for this one. The door then keeps to it too. */
  #goesOn(local: number, timeUs: number, physical: number): boolean {
    if (!this.#canFollow(local, timeUs, physical)) return false;
    if (!Number.isFinite(physical)) return true;
    this.#narrowDoor(local);
    const takenUs = this.#takenUs[local];
    const taken = this.#taken[local];
    const least = differenceBeyond(physical, taken, 0, -1);
    const most = differenceBeyond(physical, taken, 0, 1);
    const durationUs = timeUs - takenUs;
    const isAbove = compareProducts(least, this.#floorsUs[local], this.#floors[local], durationUs) >= 0;
    return isAbove && compareProducts(most, this.#ceilingsUs[local], this.#ceilings[local], durationUs) <= 0;
  }

  #narrowDoor(local: number): void {
    const durationUs = this.#newestUs[local] - this.#takenUs[local];
    const floor = differenceBeyond(this.#newest[local], this.#taken[local], -this.#maxError, 1);
    const ceiling = differenceBeyond(this.#newest[local], this.#taken[local], this.#maxError, -1);
    const isFirst = this.#floorsUs[local] === 0;
    const rise = compareProducts(floor, this.#floorsUs[local], this.#floors[local], durationUs);
    const fall = compareProducts(ceiling, this.#ceilingsUs[local], this.#ceilings[local], durationUs);
    // NaN: which is the narrower cannot be said, and a door of NaN lets nothing through.
    if (isFirst || !(rise <= 0)) {
      this.#floors[local] = isFirst || rise > 0 ? floor : Number.NaN;
      this.#floorsUs[local] = durationUs;
    }
    if (isFirst || !(fall >= 0)) {
      this.#ceilings[local] = isFirst || fall < 0 ? ceiling : Number.NaN;
      this.#ceilingsUs[local] = durationUs;
    }
  }

  #takeNewest(local: number): void {
    this.#takenUs[local] = this.#newestUs[local];
    this.#taken[local] = this.#newest[local];
    this.#waitingUs[local] = Number.NaN;
    this.#metMs[local] = Number.NaN;
    this.#floorsUs[local] = 0;
    this.#ceilingsUs[local] = 0;
    const low = this.#words[local * 2];
    this.#sink.takeRaw(this.#outputs[local], this.#newestUs[local], low, this.#words[local * 2 + 1]);
  }
}

/** NaN is the same as NaN. */
function isSame(left: number, right: number): boolean {
  return left === right || (Number.isNaN(left) && Number.isNaN(right));
}
