import type { TimedFix } from "../place/whereabouts.ts";
import { accuracyOf, pointOf } from "./fence-line.ts";
import { metresOutside, type Shape } from "./shape.ts";

/** Without a fix for so long nobody knows whether the vehicle is in it, ms. */
const KNOWN_MS = 10_000;

/**
 * A zone in which no position leaves the vehicle. Private while it is not known that the vehicle is outside. Its edge for the way out and
 * in is drawn anew each time, up to `bufferMetres` beyond it: what is told before and after does not show where it lies.
 */
export class PrivateZone {
  readonly #shape: Shape;
  readonly #bufferMetres: number;
  readonly #random: () => number;
  #isOutside = false;
  #beyondMetres: number;
  #knownMs = Number.NEGATIVE_INFINITY;

  constructor(shape: Shape, bufferMetres: number, random: () => number) {
    this.#shape = shape;
    this.#bufferMetres = bufferMetres;
    this.#random = random;
    this.#beyondMetres = random() * bufferMetres;
  }

  take({ fix, atMs }: TimedFix): void {
    const isOutside = metresOutside(this.#shape, pointOf(fix)) > accuracyOf(fix) + this.#beyondMetres;
    if (isOutside !== this.#isOutside) this.#beyondMetres = this.#random() * this.#bufferMetres;
    this.#isOutside = isOutside;
    this.#knownMs = atMs;
  }

  /** `nowMs`: as `TimedFix.atMs`. */
  isPrivate(nowMs: number): boolean {
    return !this.#isOutside || nowMs - this.#knownMs > KNOWN_MS;
  }
}
