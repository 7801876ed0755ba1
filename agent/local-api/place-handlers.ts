import type { Whereabouts } from "../vehicle/place/whereabouts.ts";
import { placeShow } from "./place-schema.ts";
import type { PlaceStatus } from "./place-status.ts";
import type { ServedVerb } from "./verb.ts";

const KPH_PER_MPS = 3.6;

/** `place.show`. */
export function placeHandlers(
  whereabouts: Pick<Whereabouts, "told">,
  status: () => PlaceStatus,
): readonly ServedVerb[] {
  return [
    placeShow.answeredBy(() => ({ schemaVersion: 1, position: positionOf(whereabouts.told()), place: status() })),
  ];
}

function positionOf(told: ReturnType<Whereabouts["told"]>) {
  if (told === undefined) return undefined;
  const { latitude, longitude, altitudeM, speedMps, courseDeg } = told.fix;
  const speedKph = speedMps === undefined ? undefined : speedMps * KPH_PER_MPS;
  return { latitude, longitude, altitudeM, speedKph, courseDeg, time: new Date(told.timeUs / 1000).toISOString() };
}
