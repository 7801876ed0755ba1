import { type DayPlan, isIn } from "../../day/day-plan.ts";
import { vanAt } from "../../day/van-drive.ts";
import { physicalOf } from "../sample-judge.ts";
import type { Corrections } from "./corrections.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** Metres in a degree of latitude, near enough for differences. */
const METRES_A_DEGREE = 111_195;
/** A time of the machine of some 10 ms, at the van's speed; one position of a hundred may meet a busy machine. */
const LATE_METRES = 60;
const LATE_SHARE = 0.01;
/** No position is later than this, whatever the machine does. */
const LATEST_METRES = 4 * LATE_METRES;

/** A position that came, with the way to the van at that time. */
type Told = { readonly trueMs: number; readonly offMetres: number; readonly roadMetres: number };

/** Each position that came is where the van was, and none is from the private zone around home. */
export function judgePlaces(parts: {
  readonly plan: DayPlan;
  readonly heard: Heard;
  readonly corrections: Corrections;
}): DayVerdict {
  const { plan } = parts;
  const tally = new DayTally("places");
  const told = positionsOf(parts);
  for (const { trueMs, offMetres } of told) {
    tally.check(
      offMetres <= LATEST_METRES,
      () => `${Math.round(offMetres)} m off at ${timeOf(plan.startsAtMs, trueMs)}`,
    );
  }
  const late = told.filter(({ offMetres }) => offMetres > LATE_METRES).length;
  tally.check(late <= told.length * LATE_SHARE, () => `${late} positions are more than ${LATE_METRES} m off`);
  const inZone = told.filter(({ roadMetres }) => Math.abs(roadMetres) < plan.file.road.privateMetres);
  tally.check(inZone.length === 0, () => {
    const [{ trueMs }] = inZone;
    return `${inZone.length} positions are from the private zone, the first of ${timeOf(plan.startsAtMs, trueMs)}`;
  });
  const onTrips = told.filter(({ trueMs }) => isIn(plan.trips, trueMs));
  tally.check(onTrips.length > 0, () => "no position of a trip came");
  const worst = told.reduce((most, { offMetres }) => Math.max(most, offMetres), 0);
  return tally.verdict(
    `${told.length.toLocaleString("en-US")} positions, at most ${worst.toFixed(1)} m off, ${inZone.length} from the private zone`,
  );
}

function positionsOf({ plan, heard, corrections }: Parameters<typeof judgePlaces>[0]): readonly Told[] {
  return heard.records.flatMap(({ record }) => {
    if (record.body !== "samples") return [];
    const columns = heard.columns(record)?.filter(({ signal }) => signal.message === "location") ?? [];
    const latitudes = columns.find(({ signal }) => signal.name === "latitude");
    const longitudes = columns.find(({ signal }) => signal.name === "longitude");
    if (latitudes === undefined || longitudes === undefined) return [];
    return latitudes.timesUs.flatMap((timeUs, at) => {
      const pair = longitudes.timesUs.indexOf(timeUs);
      if (pair < 0) return [];
      const latitude = Number(physicalOf(latitudes.values[at], latitudes.signal));
      const longitude = Number(physicalOf(longitudes.values[pair], longitudes.signal));
      const trueMs = corrections.trueMs(record, timeUs);
      const van = vanAt(plan, trueMs);
      const north = (latitude - van.latitude) * METRES_A_DEGREE;
      const east = (longitude - van.longitude) * METRES_A_DEGREE * Math.cos((van.latitude * Math.PI) / 180);
      return [{ trueMs, offMetres: Math.hypot(north, east), roadMetres: van.roadMetres }];
    });
  });
}
