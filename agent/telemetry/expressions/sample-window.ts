import type { WindowFunction } from "./operand.ts";

/** Most samples that a window holds; a power of two. A signal that sends more in it makes what is taken of it undefined. */
export const WINDOW_SAMPLES = 8192;
const FIRST_SAMPLES = 64;
const TREES = 4;

/** Most bytes of a window: times, values, and a tree of each kind, all float64. */
export function maxWindowBytes(): number {
  return WINDOW_SAMPLES * Float64Array.BYTES_PER_ELEMENT * (2 + 2 * TREES);
}

/**
 * The samples of one input in the last `lengthUs`: those with a time in (now - length, now].
 *
 * A sample costs a walk up the trees (log2 of the samples), and so does one that leaves; what is taken of the window stands at their
 * roots, and nothing is summed up over time that could drift. On the frame path: allocates nothing once it has grown.
 */
export class SampleWindow {
  readonly lengthUs: number;
  /** See the constructor. */
  readonly wrapsAt: number;
  /** Samples that found the window full and pushed one out that belonged into it. */
  overflows = 0;
  /** Until when it lacks one of those, µs. */
  #lacksUntilUs = Number.NEGATIVE_INFINITY;
  #timesUs = new Float64Array(FIRST_SAMPLES);
  #values = new Float64Array(FIRST_SAMPLES);
  #sum = new AggregateTree(FIRST_SAMPLES, 0);
  #min = new AggregateTree(FIRST_SAMPLES, Number.POSITIVE_INFINITY);
  #max = new AggregateTree(FIRST_SAMPLES, Number.NEGATIVE_INFINITY);
  /** By sample: by how much it is above the one before it in the window. */
  #increase = new AggregateTree(FIRST_SAMPLES, 0);
  /** Place of the oldest sample. */
  #oldest = 0;
  #count = 0;
  /** Samples among them that are NaN. */
  #nans = 0;

  /**
   * `wrapsAt`: number of values of a counter that begins again at 0; a step down is then a step up past the wrap. 0: it does not wrap,
   * and a step down adds nothing to the increase.
   */
  constructor(lengthUs: number, wrapsAt = 0) {
    this.lengthUs = lengthUs;
    this.wrapsAt = wrapsAt;
  }

  /** Takes a sample that is not older than the newest. */
  add(timeUs: number, value: number): void {
    this.slide(timeUs);
    if (this.#count === this.#timesUs.length) this.#makeRoom();
    const place = (this.#oldest + this.#count) & (this.#timesUs.length - 1);
    this.#timesUs[place] = timeUs;
    this.#values[place] = value;
    const isNan = value !== value;
    if (isNan) this.#nans += 1;
    this.#sum.set(place, isNan ? 0 : value);
    this.#min.set(place, isNan ? Number.POSITIVE_INFINITY : value);
    this.#max.set(place, isNan ? Number.NEGATIVE_INFINITY : value);
    this.#increase.set(place, this.#count === 0 ? 0 : this.#stepTo(place));
    this.#count += 1;
  }

  /** Forgets what is no longer in the window that ends at `nowUs`. */
  slide(nowUs: number): void {
    while (this.#count > 0 && this.#timesUs[this.#oldest] <= nowUs - this.lengthUs) this.#dropOldest();
  }

  /** Forgets everything, as after a step of the clock. */
  clear(): void {
    while (this.#count > 0) this.#dropOldest();
    this.#lacksUntilUs = Number.NEGATIVE_INFINITY;
  }

  /** When something next leaves the window, µs; infinite when it is empty. */
  nextChangeUs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#timesUs[this.#oldest] + this.lengthUs;
  }

  /** NaN when the window is empty, lacks samples that it could not hold, or holds a NaN that counts. */
  read(what: WindowFunction, nowUs: number): number {
    this.slide(nowUs);
    if (this.#count === 0 || nowUs < this.#lacksUntilUs) return Number.NaN;
    if (what === "count") return this.#count;
    if (what === "first") return this.#values[this.#oldest];
    if (what === "last") return this.#values[this.#newest()];
    if (this.#nans > 0) return Number.NaN;
    if (what === "min") return this.#min.root();
    if (what === "max") return this.#max.root();
    if (what === "increase") return this.#increase.root();
    return what === "sum" ? this.#sum.root() : this.#sum.root() / this.#count;
  }

  #newest(): number {
    return (this.#oldest + this.#count - 1) & (this.#timesUs.length - 1);
  }

  /** From the sample before to that at `place`, the next to be the newest. */
  #stepTo(place: number): number {
    const step = this.#values[place] - this.#values[this.#newest()];
    if (step !== step) return 0;
    if (step >= 0) return step;
    return this.wrapsAt > 0 ? step + this.wrapsAt : 0;
  }

  #dropOldest(): void {
    const place = this.#oldest;
    if (this.#values[place] !== this.#values[place]) this.#nans -= 1;
    this.#sum.set(place, 0);
    this.#min.set(place, Number.POSITIVE_INFINITY);
    this.#max.set(place, Number.NEGATIVE_INFINITY);
    this.#increase.set(place, 0);
    this.#oldest = (place + 1) & (this.#timesUs.length - 1);
    this.#count -= 1;
    // The one before it is no longer in the window.
    if (this.#count > 0) this.#increase.set(this.#oldest, 0);
  }

  #makeRoom(): void {
    const capacity = this.#timesUs.length;
    if (capacity >= WINDOW_SAMPLES) {
      this.#lacksUntilUs = this.#timesUs[this.#oldest] + this.lengthUs;
      this.overflows += 1;
      this.#dropOldest();
      return;
    }
    const timesUs = this.#timesUs;
    const values = this.#values;
    const from = this.#oldest;
    const count = this.#count;
    this.#resize(capacity * 2);
    for (let at = 0; at < count; at++)
      this.add(timesUs[(from + at) & (capacity - 1)], values[(from + at) & (capacity - 1)]);
  }

  #resize(capacity: number): void {
    this.#timesUs = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#sum = new AggregateTree(capacity, 0);
    this.#min = new AggregateTree(capacity, Number.POSITIVE_INFINITY);
    this.#max = new AggregateTree(capacity, Number.NEGATIVE_INFINITY);
    this.#increase = new AggregateTree(capacity, 0);
    this.#oldest = 0;
    this.#count = 0;
    this.#nans = 0;
  }
}

/** A complete binary tree whose inner nodes are the sum, least or greatest of the two below; `none` (0, ∞ or -∞) says which. */
class AggregateTree {
  readonly #nodes: Float64Array;
  readonly #capacity: number;
  readonly #none: number;

  constructor(capacity: number, none: number) {
    this.#capacity = capacity;
    this.#none = none;
    this.#nodes = new Float64Array(2 * capacity).fill(none);
  }

  set(place: number, value: number): void {
    const nodes = this.#nodes;
    let at = this.#capacity + place;
    nodes[at] = value;
    for (at >>= 1; at >= 1; at >>= 1) {
      const left = nodes[2 * at];
      const right = nodes[2 * at + 1];
      if (this.#none === 0) nodes[at] = left + right;
      else if (this.#none > 0) nodes[at] = left < right ? left : right;
      else nodes[at] = left > right ? left : right;
    }
  }

  root(): number {
    return this.#nodes[1];
  }
}
