import { printable } from "../core/plain-text.ts";
import { formatDuration } from "../core/quantity.ts";
import type { PlaceStatus } from "../local-api/place-status.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

const CHECK = "place";
/** A cold receiver takes so long to its first fix, with room. */
const FIRST_FIX_MS = 300_000;

/** Whether it is known where the vehicle is, and why not. Nothing where nobody asks for it. */
export function placeChecks({ place, uptimeMs }: Pick<Status, "place" | "uptimeMs">): readonly Check[] {
  if (place === undefined) return [];
  const unwell = place.sources.filter(({ state }) => state !== "up");
  const sources = unwell.map(({ name, what, remedy }) =>
    warned(CHECK, printable(`${name}: ${what}`), printable(remedy === "" ? SKY : remedy)),
  );
  return [...sources, ...fixChecks(place, uptimeMs, unwell.length === place.sources.length)];
}

const SKY = "is the antenna connected, and under the open sky? see: causeway place show";

function fixChecks(
  { fix, lastFixMs, isShared }: PlaceStatus,
  uptimeMs: number,
  isExplained: boolean,
): readonly Check[] {
  const told = isShared ? "" : "; positions stay in the vehicle (place.privacy)";
  if (fix !== undefined)
    return [passed(CHECK, `${fix.mode === "3d" ? "3-D" : "2-D"} fix by ${printable(fix.source)}${told}`)];
  if (isExplained) return [];
  if (lastFixMs === undefined && uptimeMs < FIRST_FIX_MS) return [passed(CHECK, `no fix yet${told}`)];
  const since = lastFixMs === undefined ? "since the start" : `for ${formatDuration(lastFixMs)}`;
  return [warned(CHECK, `no fix ${since}${told}`, SKY)];
}
