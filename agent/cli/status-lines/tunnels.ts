import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Tunnels that are open, a line each; nothing where there is none. */
export function tunnelLines({ tunnels }: Pick<Status, "tunnels">, colors: Colors): readonly string[] {
  return (tunnels?.open ?? []).map(({ services, state, leftMs, connections, bytesIn, bytesOut, problem }) => {
    const moved = `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`;
    const how =
      state === "open" ? colors.yellow("open") : `connecting${problem === undefined ? "" : ` (${printable(problem)})`}`;
    const of = printable(services.join(","));
    return `tunnel     ${how} for ${of}, ${formatCounted(connections, "connection")}, ${moved}, ${formatDuration(leftMs)} left`;
  });
}
