import { formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** What somebody tried since start, a line each event with its reason; nothing where nobody did. */
export function securityLines({ security }: Pick<Status, "security">, colors: Colors): readonly string[] {
  const occurrences = security?.occurrences ?? [];
  return occurrences.map(({ event, reason, count }, at) => {
    const what = `${formatCount(count)} ${event}${reason === "" ? "" : ` (${reason})`}`;
    return `${at === 0 ? "security  " : "          "} ${colors.yellow(what)}`;
  });
}
