import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** What became of reports to Device Defender; nothing where none are sent. */
export function defenderLines({ defender }: Pick<Status, "defender">, colors: Colors): readonly string[] {
  if (defender === undefined) return [];
  const { accepted, rejected, unanswered, acceptedAgoMs, fault } = defender;
  const last = acceptedAgoMs === undefined ? "" : `, the last ${formatDuration(acceptedAgoMs)} ago`;
  const others = [
    ...(rejected === 0 ? [] : [`${formatCount(rejected)} refused`]),
    ...(unanswered === 0 ? [] : [`${formatCount(unanswered)} unanswered`]),
  ];
  return [
    [`defender   ${formatCounted(accepted, "report")} accepted${last}`, ...others].join(", "),
    ...(fault === undefined ? [] : [`           ${colors.yellow(printable(fault))}`]),
  ];
}
