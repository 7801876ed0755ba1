const FIRST_CAPACITY = 256;

/**
 * Samples of one batch in the order they were taken, side by side in typed arrays that grow up to `maxSamples`.
 *
 * Keeping arrival order until the batch is encoded is what lets a batch be cut in time even when the wall clock stepped back.
 * The arrays are replaced when they grow: read them from the log each time.
 */
export class SampleLog {
  readonly maxSamples: number;
  /** Samples held. */
  count = 0;
  /** Slot of each sample: the index of its signal, or of the signal as one sender sends it (see `SignalSlots`). */
  slots = new Uint32Array(FIRST_CAPACITY);
  /** Receive time of each sample, µs since the Unix epoch. */
  timesUs = new Float64Array(FIRST_CAPACITY);
  /** Raw value of each sample; meaningless for a wide signal. */
  values = new Float64Array(FIRST_CAPACITY);
  /** The memory of `values` as pairs of 32-bit words: a wide signal's 64 bits in native byte order. */
  words = new Uint32Array(this.values.buffer);
  /** 1 for the first sample of a frame, else 0. */
  opens = new Uint8Array(FIRST_CAPACITY);

  constructor(maxSamples: number) {
    this.maxSamples = maxSamples;
  }

  /** Makes room for one more sample; false when the log holds `maxSamples`. */
  reserve(): boolean {
    if (this.count < this.slots.length) return this.count < this.maxSamples;
    if (this.count >= this.maxSamples) return false;
    this.#grow(Math.min(this.maxSamples, this.slots.length * 2));
    return true;
  }

  /** Forgets all samples; the memory is kept. */
  clear(): void {
    this.count = 0;
  }

  #grow(capacity: number): void {
    const words = new Uint32Array(capacity * 2);
    words.set(this.words);
    this.words = words;
    this.values = new Float64Array(words.buffer);
    this.slots = copyOf(this.slots, new Uint32Array(capacity));
    this.timesUs = copyOf(this.timesUs, new Float64Array(capacity));
    this.opens = copyOf(this.opens, new Uint8Array(capacity));
  }
}

function copyOf<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
