import type { TimedFix } from "../place/whereabouts.ts";
import { accuracyOf, pointOf } from "./fence-line.ts";
import { metresOutside, type Shape } from "./shape.ts";

/** Without a fix for so long nobody knows whether the vehicle is in it, ms. */
const KNOWN_MS = 10_000;

/**
 * A zone in which no position leaves the vehicle. Private while it is not known that the vehicle is outside. Its edge lies up to
 * `bufferMetres` further out and is drawn once for each way: the way in ends in the inner third of that, the way out in the outer one. So
 * what is told does not show where the zone lies, and a vehicle at the edge does not come and go.
 */
export class PrivateZone {
  readonly #shape: Shape;
  readonly #bufferMetres: number;
  readonly #random: () => number;
  #isOutside = false;
  /** Where the next change is, beyond the zone. */
  #beyondMetres = 0;
  #knownMs = Number.NEGATIVE_INFINITY;

  constructor(shape: Shape, bufferMetres: number, random: () => number) {
    this.#shape = shape;
    this.#bufferMetres = bufferMetres;
    this.#random = random;
    this.#enter(false);
  }

  take({ fix, atMs }: TimedFix): void {
    // It may have been inside meanwhile.
    if (this.#isOutside && !this.#isKnown(atMs)) this.#enter(false);
    const isOutside = metresOutside(this.#shape, pointOf(fix)) > accuracyOf(fix) + this.#beyondMetres;
    if (isOutside !== this.#isOutside) this.#enter(isOutside);
    this.#knownMs = atMs;
  }

  /** `nowMs`: as `TimedFix.atMs`. */
  isPrivate(nowMs: number): boolean {
    return !this.#isOutside || !this.#isKnown(nowMs);
  }

  #isKnown(nowMs: number): boolean {
    return nowMs - this.#knownMs <= KNOWN_MS;
  }

  #enter(isOutside: boolean): void {
    this.#isOutside = isOutside;
    this.#beyondMetres = ((this.#random() + (isOutside ? 0 : 2)) / 3) * this.#bufferMetres;
  }
}
