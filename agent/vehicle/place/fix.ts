/**
 * A position that a receiver worked out. WGS 84.
 *
 * What the receiver did not say is absent. A fix is always one: a source that has none says so (`PositionSink.onNoFix`).
 */
export type Fix = {
  readonly mode: "2d" | "3d";
  /** Of the fix, as the receiver has it, µs since the Unix epoch; absent where it does not say. Judge it before use (`timeOfFix`). */
  readonly timeUs?: number | undefined;
  /** µs since the Unix epoch, by the clock of the agent. */
  readonly receivedAtUs: number;
  /** Degrees, -90..90. */
  readonly latitude: number;
  /** Degrees, -180..180. */
  readonly longitude: number;
  /** Metres above mean sea level. */
  readonly altitudeM?: number | undefined;
  /** Metres above the ellipsoid. */
  readonly heightM?: number | undefined;
  /** Over ground, 0 and up. */
  readonly speedMps?: number | undefined;
  /** Over ground, degrees from true north, 0 to below 360. */
  readonly courseDeg?: number | undefined;
  /** Radius of horizontal uncertainty, m; about 95 %. */
  readonly accuracyM?: number | undefined;
  /** Used for it. */
  readonly satellites?: number | undefined;
  readonly hdop?: number | undefined;
};

/**
 * Whether degrees can be a position. NaN cannot, nor can what a receiver sends for "not available": values beyond the globe, and 0, 0, a place
 * in the Atlantic where no vehicle is.
 */
export function isOnGlobe(latitude: number, longitude: number): boolean {
  if (latitude === 0 && longitude === 0) return false;
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}
