import type { TimedFix } from "../place/whereabouts.ts";
import { accuracyOf, pointOf } from "./fence-line.ts";
import { metresBetween, type Point } from "./shape.ts";

/** A fix that is worse is not counted, m. */
const MAX_ACCURACY_METRES = 50;
/** A shorter way is not counted yet: a receiver that stands wanders so far, m. */
const LEAST_STEP_METRES = 10;
/** Slower is standing, m/s, where the receiver says its speed. */
const STANDING_MPS = 0.5;
/** Nobody drives faster, m/s: what lies between two such fixes is no way. */
const MAX_MPS = 100;

type Counted = { readonly point: Point; readonly atMs: number };

/**
 * Metres travelled, by position: the straight lines between fixes that are further apart than both may be wrong, while the vehicle
 * moves. A gap without fixes counts as the straight line over it, which is less than was driven. A jump counts nothing.
 */
export class Travelled {
  #metres: number;
  #counted: Counted | undefined;

  constructor(metres: number) {
    this.#metres = metres;
  }

  get metres(): number {
    return this.#metres;
  }

  take({ fix, atMs }: TimedFix): void {
    const accuracyM = accuracyOf(fix);
    if (accuracyM > MAX_ACCURACY_METRES || (fix.speedMps ?? MAX_MPS) < STANDING_MPS) return;
    const point = pointOf(fix);
    const before = this.#counted;
    if (before === undefined) {
      this.#counted = { point, atMs };
      return;
    }
    const metres = metresBetween(before.point, point);
    if (metres < Math.max(LEAST_STEP_METRES, accuracyM)) return;
    this.#counted = { point, atMs };
    if (metres <= (Math.max(1000, atMs - before.atMs) / 1000) * MAX_MPS) this.#metres += metres;
  }
}
