import type { Fix } from "./fix.ts";

/** Metres of one degree of latitude, and of longitude at the equator (sphere of 6,371,008.8 m, the mean radius of WGS 84). */
const METRES_A_DEGREE = (6_371_008.8 * Math.PI) / 180;
/** Beyond it a field of longitude would have no size: close to a pole every longitude is one field. */
const MOST_LATITUDE = 89;

/** What of a position leaves the vehicle; asked for each fix anew. */
export type PlacePrivacy = {
  /** False keeps every position in the vehicle. */
  readonly isShared: () => boolean;
  /** Size of a field, m; 0 tells positions as they are. */
  readonly precisionMetres: () => number;
};

/** Whether positions leave the vehicle as they are: only then may what control units say of them. */
export function isToldExactly({ isShared, precisionMetres }: PlacePrivacy): boolean {
  return isShared() && precisionMetres() === 0;
}

/** What leaves the vehicle of a fix; undefined where nothing does. */
export type PlaceGate = (fix: Fix) => Fix | undefined;

/**
 * The one way out for positions: samples, records and answers have only what comes through it.
 *
 * A position becomes the middle of a field of a grid that lies still, so that no number of samples says more than in which field it was.
 * Altitude and course go with it: with them and the speed a track can be drawn again. Speed stays.
 */
export function placeGate({ isShared, precisionMetres }: PlacePrivacy): PlaceGate {
  return (fix) => {
    if (!isShared()) return undefined;
    const metres = precisionMetres();
    return metres === 0 ? fix : coarse(fix, metres);
  };
}

function coarse(fix: Fix, metres: number): Fix {
  const step = metres / METRES_A_DEGREE;
  const latitude = Math.max(-90, Math.min(90, middleOf(fix.latitude, step)));
  // By the row, not by the position: the fields of a row must be the same for all positions in it.
  const row = Math.min(MOST_LATITUDE, Math.abs(latitude));
  const longitude = middleOf(fix.longitude, step / Math.cos((row * Math.PI) / 180));
  const accuracyM = Math.max(fix.accuracyM ?? 0, metres);
  const { mode, timeUs, receivedAtUs, speedMps, satellites, hdop } = fix;
  return { mode, timeUs, receivedAtUs, latitude, longitude: wrapped(longitude), accuracyM, speedMps, satellites, hdop };
}

function middleOf(value: number, step: number): number {
  return (Math.floor(value / step) + 0.5) * step;
}

function wrapped(longitude: number): number {
  if (longitude > 180) return longitude - 360;
  return longitude < -180 ? longitude + 360 : longitude;
}
