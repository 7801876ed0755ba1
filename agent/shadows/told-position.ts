import type { Clock } from "../core/clock.ts";
import type { ToldPosition } from "./state-document.ts";

/** Metres of a degree of latitude, and of longitude at the equator: the mean of WGS 84. */
const METRES_A_DEGREE = 111_195;

export type ToldPositionSettings = {
  /** Least time between two positions, ms of the time since the boot. */
  readonly everyMs: number;
  /** A vehicle that has moved by less has not moved. */
  readonly moveMetres: number;
  /** Places after the point that are told; 3 are some hundred metres. */
  readonly decimals: number;
};

/** Which position is told: the same one for as long as possible, so that a vehicle on its way is no reason for ever new updates. */
export class ToldPositionChoice {
  readonly #settings: ToldPositionSettings;
  readonly #clock: Pick<Clock, "boottimeMs">;
  #told: ToldPosition | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(settings: ToldPositionSettings, clock: Pick<Clock, "boottimeMs">) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** `current` is where the vehicle is, as far as that may leave it: what may not is not told any more, at once. */
  choose(current: ToldPosition | undefined): ToldPosition | undefined {
    const { everyMs, moveMetres, decimals } = this.#settings;
    if (current === undefined) {
      this.#told = undefined;
      return undefined;
    }
    const nowMs = this.#clock.boottimeMs();
    if (nowMs - this.#toldMs < everyMs) return this.#told;
    const told = this.#told;
    if (told !== undefined && metresBetween(told, current) < moveMetres) return told;
    this.#told = { latitude: rounded(current.latitude, decimals), longitude: rounded(current.longitude, decimals) };
    this.#toldMs = nowMs;
    return this.#told;
  }
}

function rounded(degrees: number, decimals: number): number {
  // No minus zero: JSON has none, and would read another value back.
  return Number(degrees.toFixed(decimals)) + 0;
}

/** Metres between two places that are near each other, good to some percent: on a plane, which is enough for "has moved". */
function metresBetween(left: ToldPosition, right: ToldPosition): number {
  const across = ((right.longitude - left.longitude + 540) % 360) - 180;
  const narrowing = Math.cos(((left.latitude + right.latitude) / 2) * (Math.PI / 180));
  return METRES_A_DEGREE * Math.hypot(right.latitude - left.latitude, across * narrowing);
}
