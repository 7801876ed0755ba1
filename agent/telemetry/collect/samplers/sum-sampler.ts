import type { CloseCause, Reading, Sampler, SamplerInput, SampleSink } from "../sampler.ts";
import { LATE_FRAMES_MS } from "./late-frames.ts";
import { SampleWindows } from "./sample-windows.ts";
import { roomFor, roomForWords } from "./state-arrays.ts";

export type SumKind = "mean" | "sum" | "count" | "integral";

export type SumSettings = {
  readonly kind: SumKind;
  /** Absent: a trip. */
  readonly windowMs: number | undefined;
  /** See `WindowSettings`. */
  readonly maxGapMs: number | undefined;
};

/** Longest time for which a value is taken to hold, where the settings do not say; ms. */
const TRIP_GAP_MS = 10_000;

/**
 * Works one number out of the physical values of each window: their mean, sum or count, or the integral over the time in which each
 * held until the next came, in the signal's unit x seconds. NaN is left out.
 *
 * The integral takes each part of a held value to the window in which it was. It takes nothing for a gap that is longer than
 * `maxGapMs`, for time before the first sample and after the last of a trip or of a window that was cut short, and none where
 * the wall clock stepped back. Sums are compensated (Neumaier 1974), so that they stay good to some 1e-16 of the sum of the magnitudes
 * however many they are.
 */
export class SumSampler implements Sampler {
  /** Samples that were NaN. */
  leftOut = 0;
  /** Gaps that the integral took nothing for. */
  gaps = 0;
  readonly #sink: SampleSink;
  readonly #kind: SumKind;
  readonly #windows: SampleWindows;
  readonly #maxGapUs: number;
  #count = 0;
  #outputs = new Uint32Array(0);
  #factors = new Float64Array(0);
  #offsets = new Float64Array(0);
  // Of the open window: samples, the sum of what counts and what its roundings left out, and when the last sample came.
  #samples = new Float64Array(0);
  #sums = new Float64Array(0);
  #rests = new Float64Array(0);
  #lastUs = new Float64Array(0);
  // The value that holds, and since when; NaN: none does.
  #held = new Float64Array(0);
  #heldUs = new Float64Array(0);

  constructor({ kind, windowMs, maxGapMs }: SumSettings, sink: SampleSink) {
    const longestMs = windowMs ?? Number.POSITIVE_INFINITY;
    const gapMs = Math.min(maxGapMs ?? windowMs ?? TRIP_GAP_MS, longestMs);
    this.#sink = sink;
    this.#kind = kind;
    this.#maxGapUs = gapMs * 1000;
    // The next sample says how long the last value of a window held.
    this.#windows = new SampleWindows({
      windowMs,
      graceMs: kind === "integral" ? Math.max(gapMs, LATE_FRAMES_MS) : LATE_FRAMES_MS,
    });
  }

  add({ output, factor, offset }: SamplerInput): number {
    const local = this.#count++;
    this.#windows.grow(this.#count);
    this.#outputs = roomForWords(this.#outputs, this.#count);
    this.#factors = roomFor(this.#factors, this.#count);
    this.#offsets = roomFor(this.#offsets, this.#count);
    this.#samples = roomFor(this.#samples, this.#count);
    this.#sums = roomFor(this.#sums, this.#count);
    this.#rests = roomFor(this.#rests, this.#count);
    this.#lastUs = roomFor(this.#lastUs, this.#count);
    this.#held = roomFor(this.#held, this.#count);
    this.#heldUs = roomFor(this.#heldUs, this.#count, Number.NaN);
    this.#outputs[local] = output;
    this.#factors[local] = factor;
    this.#offsets[local] = offset;
    return local;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    if (Number.isNaN(raw)) {
      this.leftOut += 1;
      return;
    }
    const physical = raw * this.#factors[local] + this.#offsets[local];
    if (this.#kind === "integral") this.#takeHeld(local, timeUs, physical);
    if (this.#windows.isLeft(local, timeUs)) this.#end(local);
    if (!this.#windows.isOpen(local)) this.#windows.open(local, timeUs);
    if (this.#kind === "mean" || this.#kind === "sum") this.#addUp(local, physical);
    this.#samples[local] += 1;
    this.#lastUs[local] = timeUs;
  }

  close(nowMs: number, cause: CloseCause): void {
    for (let local = 0; local < this.#count; local++) {
      if (!this.#windows.isOpen(local) || !this.#windows.isOver(local, nowMs, cause)) continue;
      this.#heldUs[local] = Number.NaN;
      this.#end(local);
    }
  }

  /** Adds up what held until now, and ends the window where a part of it is of the next one. */
  #takeHeld(local: number, timeUs: number, physical: number): void {
    const heldUs = this.#heldUs[local];
    const held = this.#held[local];
    this.#held[local] = physical;
    this.#heldUs[local] = timeUs;
    if (Number.isNaN(heldUs)) return;
    const gapUs = timeUs - heldUs;
    if (gapUs < 0 || gapUs > this.#maxGapUs) {
      this.gaps += 1;
      return;
    }
    // No gap is longer than a window, so that what held ends in the same window or in the one after.
    const endUs = this.#windows.endUs(local);
    this.#addHeld(local, held, Math.min(timeUs, endUs) - heldUs);
    if (timeUs < endUs) return;
    this.#end(local);
    this.#windows.open(local, timeUs);
    this.#addHeld(local, held, timeUs - endUs);
  }

  /** Nothing for no time, also of an infinite value. */
  #addHeld(local: number, held: number, durationUs: number): void {
    if (durationUs > 0) this.#addUp(local, (held * durationUs) / 1e6);
  }

  #addUp(local: number, value: number): void {
    const sum = this.#sums[local];
    const next = sum + value;
    this.#rests[local] += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    this.#sums[local] = next;
  }

  #end(local: number): void {
    const samples = this.#samples[local];
    const sum = this.#sums[local];
    // An infinite sum has no rest that means something.
    const total = Number.isFinite(sum) ? sum + this.#rests[local] : sum;
    const endUs = this.#windows.endUs(local);
    this.#windows.shut(local);
    this.#samples[local] = 0;
    this.#sums[local] = 0;
    this.#rests[local] = 0;
    this.#sink.takeValue(
      this.#outputs[local],
      Number.isFinite(endUs) ? endUs : this.#lastUs[local],
      this.#kind === "count" ? samples : this.#kind === "mean" ? total / samples : total,
    );
  }
}
