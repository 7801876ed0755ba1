import { printable } from "../core/plain-text.ts";
import { formatCounted } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

const SEE = "see: causeway audit for refused commands, the log for the rest (security.event-told)";
const SERVICE =
  "see that the account uses Device Defender detect, that its policy grants the topics of defender (stack parameter DefenderReports), and that nothing else reports as this thing";

/** What somebody tried since start, and whether Device Defender takes reports. Nothing of what is not configured. */
export function securityChecks({ security, defender }: Pick<Status, "security" | "defender">): readonly Check[] {
  return [...eventChecks(security), ...defenderChecks(defender)];
}

function eventChecks(security: Status["security"]): readonly Check[] {
  if (security === undefined) return [];
  if (security.occurrences.length === 0) return [passed("security", "nobody tried anything since the start")];
  const told = security.occurrences.map(({ event, reason, count }) => {
    return `${count} ${event}${reason === "" ? "" : ` (${reason})`}`;
  });
  return [warned("security", `since the start: ${told.join(", ")}`, SEE)];
}

function defenderChecks(defender: Status["defender"]): readonly Check[] {
  if (defender === undefined) return [];
  const { accepted, unanswered, fault } = defender;
  if (fault !== undefined) return [warned("defender", printable(fault), SERVICE)];
  if (accepted === 0 && unanswered > 0)
    return [warned("defender", `nobody answers ${formatCounted(unanswered, "report")}`, SERVICE)];
  return [passed("defender", `${formatCounted(accepted, "report")} accepted since the start`)];
}
