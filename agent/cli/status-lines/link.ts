import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { describeLink } from "../../telemetry/health.ts";
import type { Colors } from "./reading.ts";

/** The connection, its key, and messages that were not handed over. */
export function linkLines(
  { link, delivery: { ackedAgoMs } }: Pick<Status, "link" | "delivery">,
  colors: Colors,
): readonly string[] {
  const state = link.state === "online" ? colors.green("online") : colors.red(describeLink(link.state));
  const lines = [
    `link       ${state} for ${formatDuration(link.sinceMs)}, ${formatCounted(link.connects, "connect")}, ${printable(link.host)}:${link.port}`,
    ...(link.state === "online" || ackedAgoMs === undefined
      ? []
      : [`           the last record was acknowledged ${formatDuration(ackedAgoMs)} ago`]),
    `key        ${printable(link.key)}`,
    ...inboundLines(link.inbound, colors),
  ];
  return link.fault === undefined ? lines : [...lines, `           ${colors.red(printable(link.fault.what))}`];
}

/** Nothing where every message was handed over. */
function inboundLines(
  { taken, discarded, failed, setAside }: Status["link"]["inbound"],
  colors: Colors,
): readonly string[] {
  if (discarded + failed + setAside === 0) return [];
  const lost = `${formatCount(discarded)} discarded, ${formatCount(failed)} failed, ${formatCount(setAside)} set aside`;
  return [`messages   ${formatCount(taken)} taken, ${colors.yellow(lost)}`];
}
