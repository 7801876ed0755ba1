import { printable } from "../core/plain-text.ts";
import { formatCounted, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

const CHECK = "vehicle";

/** What the vehicle does, and whether that is kept. Nothing where nobody knows it. */
export function vehicleChecks({ vehicle }: Pick<Status, "vehicle">): readonly Check[] {
  if (vehicle === undefined) return [];
  const { state, forMs, why, unkept } = vehicle;
  const lost = unkept.waiting + unkept.dropped;
  if (lost > 0) {
    const what = `${formatCounted(lost, "change of the vehicle's state is", "changes of the vehicle's state are")} not in the journal`;
    return [warned(CHECK, what, "see that the state folder can be written; they are written when it can")];
  }
  return [passed(CHECK, `${state.replace("-", " ")} for ${formatDuration(forMs)}: ${printable(why)}`)];
}
