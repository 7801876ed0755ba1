import { driveAt } from "../vehicle/drive-cycle.ts";
import type { DayPlan, PlannedTrip } from "./day-plan.ts";

const METRES_A_PERCENT = 2600;
const FULL_PERCENT = 92;
const EARTH_RADIUS_M = 6_371_008.8;
const RADIANS = Math.PI / 180;
/** How long the bit of a hard brake stands. */
const BRAKE_MS = 1000;

/** What the van is at one moment; all of it follows from the day's plan. */
export type Van = {
  readonly ignition: boolean;
  readonly speedKph: number;
  readonly odometerMetres: number;
  readonly chargePercent: number;
  readonly brakesHard: boolean;
  /** Along the road from home. */
  readonly roadMetres: number;
  readonly latitude: number;
  readonly longitude: number;
  /** The way it goes, or stands, degrees. */
  readonly courseDegrees: number;
};

/** The van at a vehicle time, ms since the day's start. Pure. */
export function vanAt(plan: DayPlan, ms: number): Van {
  const trip = plan.trips.findLast(({ fromMs }) => fromMs <= ms);
  const first = plan.trips[0];
  const at = trip === undefined ? undefined : moment(trip, ms);
  const roadMetres = trip === undefined || at === undefined ? 0 : trip.startMetres + trip.sign * at.metres;
  const odometerMetres =
    trip === undefined || at === undefined ? (first?.startOdometerMetres ?? 0) : trip.startOdometerMetres + at.metres;
  const driven = odometerMetres - (first?.startOdometerMetres ?? 0);
  return {
    ignition: trip !== undefined && ms < trip.toMs,
    speedKph: at?.speedKph ?? 0,
    odometerMetres,
    chargePercent: Math.max(5, FULL_PERCENT - driven / METRES_A_PERCENT),
    brakesHard: trip?.brakesMs.some((brakeMs) => brakeMs <= ms && ms < brakeMs + BRAKE_MS) ?? false,
    roadMetres,
    ...pointOf(plan, roadMetres),
    courseDegrees: (plan.file.road.bearingDegrees + (trip?.sign === -1 ? 180 : 0)) % 360,
  };
}

function moment(trip: PlannedTrip, ms: number): { readonly metres: number; readonly speedKph: number } {
  if (ms >= trip.toMs) return { metres: trip.metres, speedKph: 0 };
  const { distanceM, speedKph } = driveAt((ms - trip.fromMs) / 1000);
  return { metres: distanceM, speedKph };
}

/** The point so many metres away from home on the great circle of the road (spherical Earth, mean radius of the IUGG). */
export function pointOf(
  { file: { road } }: Pick<DayPlan, "file">,
  metres: number,
): { readonly latitude: number; readonly longitude: number } {
  const angle = metres / EARTH_RADIUS_M;
  const from = road.latitude * RADIANS;
  const bearing = road.bearingDegrees * RADIANS;
  const latitude = Math.asin(Math.sin(from) * Math.cos(angle) + Math.cos(from) * Math.sin(angle) * Math.cos(bearing));
  const east = Math.atan2(
    Math.sin(bearing) * Math.sin(angle) * Math.cos(from),
    Math.cos(angle) - Math.sin(from) * Math.sin(latitude),
  );
  return { latitude: latitude / RADIANS, longitude: road.longitude + east / RADIANS };
}
