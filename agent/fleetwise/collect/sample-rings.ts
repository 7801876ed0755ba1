/** A signal whose newest samples are held. */
export type RingSettings = {
  /** Samples that are held: 1 or more. */
  readonly samples: number;
  /** Least time between two of them, ms; 0 takes every one. */
  readonly minPeriodMs: number;
};

/** Memory of a held sample: its time, and the 64 bits of its raw value. */
export const BYTES_PER_SAMPLE = 16;

/** A sample of a signal: `low` and `high` are the 64 bits of its raw value in native byte order. */
export type VisitSample = (local: number, timeUs: number, low: number, high: number) => void;

/**
 * The newest samples of some signals, side by side, each until it is taken or pushed out by newer ones. `push` is on the frame path:
 * allocates nothing.
 */
export class SampleRings {
  readonly #samples: Uint32Array;
  readonly #periodsUs: Float64Array;
  /** Where the samples of a signal begin, and its next place there. */
  readonly #starts: Uint32Array;
  readonly #next: Uint32Array;
  /** Samples that nobody has taken. */
  readonly #fresh: Uint32Array;
  /** When the newest was received, µs; NaN: never. */
  readonly #newestUs: Float64Array;
  readonly #timesUs: Float64Array;
  readonly #words: Uint32Array;

  constructor(signals: readonly RingSettings[]) {
    this.#samples = Uint32Array.from(signals, ({ samples }) => samples);
    this.#periodsUs = Float64Array.from(signals, ({ minPeriodMs }) => minPeriodMs * 1000);
    this.#starts = new Uint32Array(signals.length);
    let total = 0;
    for (const [local, { samples }] of signals.entries()) {
      this.#starts[local] = total;
      total += samples;
    }
    this.#next = new Uint32Array(signals.length);
    this.#fresh = new Uint32Array(signals.length);
    this.#newestUs = new Float64Array(signals.length).fill(Number.NaN);
    this.#timesUs = new Float64Array(total);
    this.#words = new Uint32Array(total * 2);
  }

  /** A sample comes, and takes the place of the oldest where there is no other. One that comes too soon is left out. */
  push(local: number, timeUs: number, low: number, high: number): void {
    const sinceUs = timeUs - this.#newestUs[local];
    // Time that ran backwards is a step of the clock: waiting for it to catch up could take years.
    if (sinceUs >= 0 && sinceUs < this.#periodsUs[local]) return;
    this.#newestUs[local] = timeUs;
    const size = this.#samples[local];
    const place = this.#next[local];
    const at = this.#starts[local] + place;
    this.#timesUs[at] = timeUs;
    this.#words[at * 2] = low;
    this.#words[at * 2 + 1] = high;
    this.#next[local] = place + 1 === size ? 0 : place + 1;
    if (this.#fresh[local] < size) this.#fresh[local] += 1;
  }

  /**
   * Takes the samples received until `untilUs`, signal by signal, the newest first. Each is taken once. Where later ones may have pushed
   * out all of those, the oldest of them stands for the newest that was there: what is due by the clock is asked for some frames late.
   */
  take(untilUs: number, visit: VisitSample): void {
    for (let local = 0; local < this.#samples.length; local++) {
      const fresh = this.#fresh[local];
      const count = this.#laterThan(untilUs, local);
      const isPushedOut = count === fresh && fresh === this.#samples[local];
      const later = isPushedOut ? count - 1 : count;
      for (let back = later; back < fresh; back++) {
        const at = this.#at(local, back);
        visit(local, this.#timesUs[at], this.#words[at * 2], this.#words[at * 2 + 1]);
      }
      this.#fresh[local] = later;
    }
  }

  /** How many of the fresh samples came after `untilUs`. */
  #laterThan(untilUs: number, local: number): number {
    let later = 0;
    while (later < this.#fresh[local] && this.#timesUs[this.#at(local, later)] > untilUs) later += 1;
    return later;
  }

  /** The place of the sample that many before the newest. */
  #at(local: number, back: number): number {
    const size = this.#samples[local];
    return this.#starts[local] + ((this.#next[local] + size - 1 - back) % size);
  }
}
