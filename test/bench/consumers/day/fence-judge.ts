import { type DayPlan, isIn } from "../../day/day-plan.ts";
import { vanAt } from "../../day/van-drive.ts";
import type { Corrections } from "./corrections.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** Name of the day's one fence: the place where the first trip ends. */
export const DEPOT = "depot";
/** What the accuracy of fixes, three of them in a row and a way of 10 ms of the machine add to a crossing. */
const WITHIN_MS = 30_000;
const STEP_MS = 1000;

type Crossing = { readonly transition: string; readonly atMs: number };

/** The van came to its depot and left it as often and when its way says. */
export function judgeFences({
  plan,
  heard,
  corrections,
}: {
  readonly plan: DayPlan;
  readonly heard: Heard;
  readonly corrections: Corrections;
}): DayVerdict {
  const tally = new DayTally("fences");
  const wanted = crossingsOf(plan);
  const told = heard.records
    .flatMap(({ record }): readonly (Crossing & { readonly name: string })[] => {
      const event = record.fenceEvent;
      return event === undefined ? [] : [{ ...event, atMs: corrections.trueMs(record, event.timeUs) }];
    })
    .sort((a, b) => a.atMs - b.atMs);
  tally.check(told.length === wanted.length, () => `${told.length} of ${wanted.length} crossings were told`);
  for (const [at, { transition, atMs }] of wanted.entries()) {
    const event = told[at];
    const offMs = (event?.atMs ?? Number.NaN) - atMs;
    tally.check(event?.name === DEPOT && event.transition === transition && Math.abs(offMs) < WITHIN_MS, () => {
      return `${transition} at ${timeOf(plan.startsAtMs, atMs)}: told ${event?.transition ?? "nothing"}, ${offMs} ms off`;
    });
  }
  return tally.verdict(told.map(({ transition, atMs }) => `${transition} ${timeOf(plan.startsAtMs, atMs)}`).join(", "));
}

/** When the van is seen to have crossed the edge of the fence: in a tunnel nobody sees it, but where it comes out. */
function crossingsOf(plan: DayPlan): readonly Crossing[] {
  const depot = plan.trips[0]?.metres ?? 0;
  let isInside = false;
  return plan.trips.flatMap(({ fromMs, toMs, tunnels }) => {
    const crossings: Crossing[] = [];
    for (let ms = fromMs; ms <= toMs; ms += STEP_MS) {
      if (isIn(tunnels, ms)) continue;
      const isNow = Math.abs(vanAt(plan, ms).roadMetres - depot) < plan.file.road.depotMetres;
      if (isNow !== isInside) crossings.push({ transition: isNow ? "enter" : "leave", atMs: ms });
      isInside = isNow;
    }
    return crossings;
  });
}
