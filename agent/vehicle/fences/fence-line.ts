import type { Fix } from "../place/fix.ts";
import { metresInside, metresOutside, type Point, type Shape } from "./shape.ts";

/** Of a fix that says nothing of its accuracy, m. */
const ASSUMED_ACCURACY_METRES = 20;
/** A fix that is worse says nothing of fences. */
export const MAX_ACCURACY_METRES = 200;

export type Side = "inside" | "outside";

/**
 * Which side of its edge the vehicle is on. The side changes when so many fixes in a row lie beyond the edge by more than they may be
 * wrong; inside of a small fence by half of what its middle does. The first that is known is no change.
 */
export class FenceLine {
  readonly #shape: Shape;
  readonly #fixes: number;
  /** So far inside is inside however wrong the fix may be, m: else a fence that is smaller than that could not be entered. */
  readonly #surelyInside: number;
  #side: Side | undefined;
  #inRow = 0;

  /** `side`: as it was left; undefined where nothing is known. */
  constructor(shape: Shape, fixes: number, side?: Side) {
    this.#shape = shape;
    this.#fixes = fixes;
    this.#surelyInside = metresInside(shape) / 2;
    this.#side = side;
  }

  get side(): Side | undefined {
    return this.#side;
  }

  /** Gives the new side where it has changed. */
  take(fix: Fix): Side | undefined {
    const accuracyM = accuracyOf(fix);
    if (accuracyM > MAX_ACCURACY_METRES) return undefined;
    const outside = metresOutside(this.#shape, pointOf(fix));
    const isInside = -outside > Math.min(accuracyM, this.#surelyInside);
    const side = isInside ? "inside" : outside > accuracyM ? "outside" : undefined;
    if (side === undefined || side === this.#side) {
      this.#inRow = 0;
      return undefined;
    }
    this.#inRow += 1;
    if (this.#inRow < this.#fixes) return undefined;
    this.#inRow = 0;
    const isFirst = this.#side === undefined;
    this.#side = side;
    return isFirst ? undefined : side;
  }
}

/** How far a fix may be wrong, m. */
export function accuracyOf({ accuracyM }: Fix): number {
  return accuracyM ?? ASSUMED_ACCURACY_METRES;
}

/** Where a fix is. */
export function pointOf({ latitude, longitude }: Fix): Point {
  return [latitude, longitude];
}
