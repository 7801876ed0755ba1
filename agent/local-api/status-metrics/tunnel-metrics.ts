import type { Status } from "../status-schema.ts";
import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

type Tunnels = Status["tunnels"];

function sumOf(tunnels: Tunnels, field: "connections" | "connects" | "bytesIn" | "bytesOut"): number | undefined {
  return tunnels?.open.reduce((sum, tunnel) => sum + tunnel[field], 0);
}

/** Of the tunnels through which support reaches services of the gateway. What is of tunnels that are open sinks when one ends. */
export const TUNNEL_METRICS: readonly StatusMetric[] = [
  counter({ name: "tunnels_opened", help: "Tunnels that were opened." }, ({ tunnels }) => tunnels?.opened),
  counter({ name: "tunnels_refused", help: "Tunnels that were not opened." }, ({ tunnels }) => tunnels?.refused),
  counter(
    {
      name: "tunnel_untold_records",
      help: "Records of connections and refused tunnels that were not made, because there were too many in a minute.",
    },
    ({ tunnels }) => tunnels?.untold,
  ),
  gauge({ name: "tunnels_open", help: "Tunnels that are open." }, ({ tunnels }) => tunnels?.open.length),
  gauge({ name: "tunnel_open_connections", help: "Connections of open tunnels to local services." }, ({ tunnels }) =>
    sumOf(tunnels, "connections"),
  ),
  gauge({ name: "tunnel_open_connects", help: "WebSockets that the open tunnels have had." }, ({ tunnels }) =>
    sumOf(tunnels, "connects"),
  ),
  metric(
    "gauge",
    {
      name: "tunnel_open_bytes",
      help: "Bytes that open tunnels brought in to local services, and took out.",
      unit: "bytes",
    },
    ["direction"],
    ({ tunnels }) =>
      byLabel("direction", [
        ["in", sumOf(tunnels, "bytesIn")],
        ["out", sumOf(tunnels, "bytesOut")],
      ]),
  ),
];
