import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Which fences the vehicle is in, the way by position, and who keeps positions in the vehicle; nothing where there is none of it. */
export function fenceLines({ fences: status }: Pick<Status, "fences">, colors: Colors): readonly string[] {
  if (status === undefined) return [];
  const { fences, isPrivate, odometerMetres, unkept } = status;
  const lost = unkept.waiting + unkept.dropped;
  const inside = fences.filter(({ side }) => side === "inside").map(({ name }) => printable(name));
  const known = fences.some(({ side }) => side !== undefined);
  const where = inside.length > 0 ? `in ${inside.join(", ")}` : known ? "in none" : "not known yet";
  return [
    ...(fences.length === 0 ? [] : [`fences     ${where}, of ${fences.length}`]),
    ...(odometerMetres === undefined ? [] : [`way        ${(odometerMetres / 1000).toFixed(1)} km by position`]),
    ...(isPrivate ? [`privacy    ${colors.yellow("positions stay in the vehicle: causeway place private off")}`] : []),
    ...(lost === 0
      ? []
      : [
          colors.red(
            `           ${formatCounted(lost, "change of the place is", "changes of the place are")} not in the journal`,
          ),
        ]),
  ];
}
