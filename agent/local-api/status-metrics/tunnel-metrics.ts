import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

/** Of the tunnels through which support reaches services of the gateway. */
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
    tunnels?.open.reduce((sum, { connections }) => sum + connections, 0),
  ),
  counter(
    { name: "tunnel_connections", help: "Connections of tunnels to local services that were opened." },
    ({ tunnels }) => tunnels?.connections,
  ),
  counter(
    { name: "tunnel_connects", help: "WebSockets of tunnels that were opened; each cut of the link costs one." },
    ({ tunnels }) => tunnels?.connects,
  ),
  metric(
    "counter",
    {
      name: "tunnel_moved_bytes",
      help: "Bytes that tunnels brought in to local services, and took out.",
      unit: "bytes",
    },
    ["direction"],
    ({ tunnels }) =>
      byLabel("direction", [
        ["in", tunnels?.bytesIn],
        ["out", tunnels?.bytesOut],
      ]),
  ),
];
