import type { Journal } from "../../ports/journal.ts";
import type { TimedFix } from "../place/whereabouts.ts";
import { KEPT, keptOdometer, PLACE_SPACE } from "./kept-place.ts";
import { Travelled } from "./travelled.ts";

/** How often it is written: a power cut takes as much, ms. */
const KEEP_MS = 30_000;

export type PositionOdometerParts = {
  readonly journal: Pick<Journal, "get" | "put">;
  /** Is told the metres when they have grown; `timeUs`: of the fix. */
  readonly tell: (metres: number, timeUs: number) => void;
};

/** The way by position, over restarts. */
export class PositionOdometer {
  readonly #parts: PositionOdometerParts;
  readonly #travelled: Travelled;
  #keptMetres: number;
  #keptMs = Number.NEGATIVE_INFINITY;

  /** Throws the faults of the journal. */
  constructor(parts: PositionOdometerParts) {
    const value = parts.journal.get(PLACE_SPACE, KEPT.odometer);
    this.#parts = parts;
    this.#keptMetres = value === undefined ? 0 : keptOdometer.parse(value).metres;
    this.#travelled = new Travelled(this.#keptMetres);
  }

  get metres(): number {
    return this.#travelled.metres;
  }

  /** Throws the faults of the journal. */
  take(timed: TimedFix): void {
    const before = this.metres;
    this.#travelled.take(timed);
    if (this.metres > before) this.#parts.tell(this.metres, timed.timeUs);
    if (timed.atMs - this.#keptMs >= KEEP_MS) this.keep(timed.atMs);
  }

  /** Writes it down where it has grown. Throws the faults of the journal. */
  keep(nowMs: number): void {
    if (this.metres === this.#keptMetres) return;
    // A journal that refuses is not asked again at each fix.
    this.#keptMs = nowMs;
    this.#parts.journal.put([{ space: PLACE_SPACE, key: KEPT.odometer, value: { metres: this.metres } }]);
    this.#keptMetres = this.metres;
  }
}
