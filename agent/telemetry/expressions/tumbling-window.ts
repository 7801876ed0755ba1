import type { TumblingFunction } from "./operand.ts";

/** What is known of the samples of one window; a mean is of `sum` and `count`. */
type Outline = { count: number; sum: number; min: number; max: number };

/**
 * Windows of one length that follow each other, the first from the first sample of the input on: sample by sample only the one that is
 * open is changed, and what is read are the two that closed last. On the frame path: allocates nothing.
 */
export class TumblingWindow {
  readonly lengthUs: number;
  /** NaN: no sample came yet. */
  #startUs = Number.NaN;
  #open = nothing();
  #last = nothing();
  #before = nothing();

  constructor(lengthUs: number) {
    this.lengthUs = lengthUs;
  }

  /** Takes a sample that is not older than the newest; NaN counts for nothing. */
  add(timeUs: number, value: number): void {
    if (value !== value) return;
    if (this.#startUs !== this.#startUs) this.#startUs = timeUs;
    this.#closeUntil(timeUs);
    const open = this.#open;
    open.count += 1;
    open.sum += value;
    if (value < open.min) open.min = value;
    if (value > open.max) open.max = value;
  }

  /** Forgets everything, as after a step of the clock: the next sample is the first. */
  clear(): void {
    this.#startUs = Number.NaN;
    for (const one of [this.#open, this.#last, this.#before]) empty(one);
  }

  /** When the open window closes, µs; infinite where that changes nothing. */
  nextChangeUs(): number {
    const isEmpty = this.#open.count === 0 && this.#last.count === 0 && this.#before.count === 0;
    return isEmpty ? Number.POSITIVE_INFINITY : this.#startUs + this.lengthUs;
  }

  /** Of the window that closed last, or of the one before it: NaN where it has no sample. */
  read(what: TumblingFunction, back: 0 | 1, nowUs: number): number {
    this.#closeUntil(nowUs);
    const { count, sum, min, max } = back === 0 ? this.#last : this.#before;
    if (count === 0) return Number.NaN;
    if (what === "tumblingMin") return min;
    return what === "tumblingMax" ? max : sum / count;
  }

  #closeUntil(nowUs: number): void {
    const closed = Math.floor((nowUs - this.#startUs) / this.lengthUs);
    if (!(closed >= 1)) return;
    this.#startUs += closed * this.lengthUs;
    // Of many that close at once only the last two count, and of those the open one is at most the first.
    for (let step = Math.max(0, closed - 3); step < closed; step++) this.#close();
  }

  #close(): void {
    const spare = this.#before;
    this.#before = this.#last;
    this.#last = this.#open;
    this.#open = spare;
    empty(spare);
  }
}

function nothing(): Outline {
  return { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
}

function empty(outline: Outline): void {
  outline.count = 0;
  outline.sum = 0;
  outline.min = Number.POSITIVE_INFINITY;
  outline.max = Number.NEGATIVE_INFINITY;
}
