import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Tunnels that are open, a line each; nothing where there is none. */
export function tunnelLines({ tunnels }: Pick<Status, "tunnels">, colors: Colors): readonly string[] {
  return (tunnels?.open ?? []).map(({ services, state, leftMs, connections, bytesIn, bytesOut, problem }) => {
    const moved = `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`;
    const how =
      state === "open" ? colors.yellow("open") : `connecting${problem === undefined ? "" : ` (${printable(problem)})`}`;
    const of = printable(services.join(","));
    const paths = connections === 1 ? "1 connection" : `${connections} connections`;
    return `tunnel     ${how} for ${of}, ${paths}, ${moved}, ${formatDuration(leftMs)} left`;
  });
}
