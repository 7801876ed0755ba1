import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { PlaceStatus } from "../../local-api/place-status.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** How well it is known where the vehicle is; a line more for a source that is not well. Nothing without the section place. */
export function placeLines({ place }: Pick<Status, "place">, colors: Colors): readonly string[] {
  if (place === undefined) return [];
  const kept = place.isShared ? precisionText(place) : ", stays in the vehicle";
  const line = `place      ${place.fix === undefined ? colors.yellow(noFixText(place)) : fixText(place.fix)}${kept}`;
  const unwell = place.sources.filter(({ state }) => state !== "up");
  return [line, ...unwell.map(({ name, what }) => `           ${colors.yellow(printable(`${name}: ${what}`))}`)];
}

/** "3-D fix by gpsd, 8 satellites, 3 m, 1 s ago". */
export function fixText({ mode, source, satellites, accuracyM, ageMs }: NonNullable<PlaceStatus["fix"]>): string {
  const parts = [
    `${mode === "3d" ? "3-D" : "2-D"} fix by ${printable(source)}`,
    ...(satellites === undefined ? [] : [formatCounted(satellites, "satellite")]),
    ...(accuracyM === undefined ? [] : [`${formatCount(Math.ceil(accuracyM))} m`]),
    `${formatDuration(ageMs)} ago`,
  ];
  return parts.join(", ");
}

/** "no fix for 3 min". */
export function noFixText({ lastFixMs }: PlaceStatus): string {
  return lastFixMs === undefined ? "no fix since the start" : `no fix for ${formatDuration(lastFixMs)}`;
}

function precisionText({ precisionMetres }: PlaceStatus): string {
  return precisionMetres === 0 ? "" : `, told to ${formatCount(precisionMetres)} m`;
}
