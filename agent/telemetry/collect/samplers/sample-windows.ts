import type { CloseCause } from "../sampler.ts";
import { roomFor } from "./state-arrays.ts";

export type SampleWindowsSettings = {
  /** Windows are whole multiples of it since the Unix epoch, by receive time; absent: the only window is the trip. */
  readonly windowMs: number | undefined;
  /** How long after its length a window may still be of interest, by the monotonic clock. */
  readonly graceMs: number;
};

/**
 * Which window is open for each signal. A window ends with the first sample of another one, also of an earlier one when the wall
 * clock stepped back; with "stop"; with "trip" where the window is the trip; or when the monotonic clock says that it must be over.
 */
export class SampleWindows {
  readonly #windowMs: number;
  readonly #windowUs: number;
  readonly #graceMs: number;
  /** Number of the open window since the Unix epoch; NaN: none is open. */
  #numbers = new Float64Array(0);
  /** Monotonic time at which it was first met by `isOver`, ms; NaN: not yet. */
  #metMs = new Float64Array(0);

  constructor({ windowMs, graceMs }: SampleWindowsSettings) {
    this.#windowMs = windowMs ?? Number.POSITIVE_INFINITY;
    this.#windowUs = this.#windowMs * 1000;
    this.#graceMs = graceMs;
  }

  /** Makes room for `count` signals. */
  grow(count: number): void {
    this.#numbers = roomFor(this.#numbers, count, Number.NaN);
    this.#metMs = roomFor(this.#metMs, count, Number.NaN);
  }

  isOpen(local: number): boolean {
    return !Number.isNaN(this.#numbers[local]);
  }

  /** Whether a window is open, and `timeUs` is not in it. */
  isLeft(local: number, timeUs: number): boolean {
    const number = this.#numbers[local];
    return !Number.isNaN(number) && number !== Math.floor(timeUs / this.#windowUs);
  }

  /** Opens the window of `timeUs`. */
  open(local: number, timeUs: number): void {
    this.#numbers[local] = Math.floor(timeUs / this.#windowUs);
    this.#metMs[local] = Number.NaN;
  }

  /** Exclusive end of the open window, µs since the Unix epoch; infinite for a trip. */
  endUs(local: number): number {
    return (this.#numbers[local] + 1) * this.#windowUs;
  }

  /** Whether the open window ends now. */
  isOver(local: number, nowMs: number, cause: CloseCause): boolean {
    const isTrip = this.#windowMs === Number.POSITIVE_INFINITY;
    if (cause === "stop" || (cause === "trip" && isTrip) || (cause === "step" && !isTrip)) return true;
    if (Number.isNaN(this.#metMs[local])) this.#metMs[local] = nowMs;
    return nowMs - this.#metMs[local] >= this.#windowMs + this.#graceMs;
  }

  shut(local: number): void {
    this.#numbers[local] = Number.NaN;
  }
}
