import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** What the vehicle does. Nothing where nobody knows it. */
export function vehicleLines({ vehicle }: Pick<Status, "vehicle">, colors: Colors): readonly string[] {
  if (vehicle === undefined) return [];
  const { state, forMs, why, trip, asleepSoonInMs, unkept } = vehicle;
  const facts = [
    `${state.replace("-", " ")} for ${formatDuration(forMs)}`,
    ...(trip === undefined ? [] : [`trip ${formatCount(trip.number)}`]),
    ...(asleepSoonInMs === undefined ? [] : [`asleep soon in ${formatDuration(asleepSoonInMs)}`]),
  ];
  const lost = unkept.waiting + unkept.dropped;
  const bad =
    lost === 0 ? [] : [colors.red(`           ${formatCounted(lost, "change is", "changes are")} not in the journal`)];
  return [`vehicle    ${facts.join(", ")}`, `           ${printable(why)}`, ...bad];
}
