import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { clockLines } from "./clock.ts";
import type { Colors } from "./reading.ts";

/** Who this is: thing, version, process, clock and signal table. */
export function headLines(status: Status, colors: Colors): readonly string[] {
  const { thing, version, pid, uptimeMs, rssBytes, signalTable } = status;
  return [
    `${printable(thing)}  causeway ${printable(version)}, pid ${pid}, up ${formatDuration(uptimeMs)}, ${formatBytes(rssBytes)}`,
    ...clockLines(status, colors),
    `signals    ${signalTable.signals} in ${formatCounted(signalTable.messages, "message")}, table ${printable(signalTable.id)}`,
  ];
}

/** Nothing where the files are in force as they are. */
export function configurationLines({ configuration }: Status, colors: Colors): readonly string[] {
  const { source, problems } = configuration;
  const head = source === "files" ? "in force, but not all of it" : "last known good";
  return problems.length === 0
    ? []
    : [`config     ${colors.red(head)}`, ...problems.map(({ what }) => `           ${colors.red(printable(what))}`)];
}
