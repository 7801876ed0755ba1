import { byLabel, counter, gauge, metric, type StatusMetric, seconds } from "./status-metric.ts";

const SOCKETS = ["view", "admin"] as const;
const SOCKET_COUNTS = ["refused", "displaced", "idle", "slow"] as const;

/** Of the process, its data path and its sockets. */
export const PROCESS_METRICS: readonly StatusMetric[] = [
  metric("info", { name: "build", help: "The version that runs." }, ["version"], ({ version }) => [
    { labels: { version }, value: 1 },
  ]),
  {
    ...gauge({ name: "", help: "Resident memory.", unit: "bytes" }, ({ rssBytes }) => rssBytes),
    name: "process_resident_memory_bytes",
  },
  gauge(
    { name: "uptime_seconds", help: "Since the start of the process, by a clock that nobody sets.", unit: "seconds" },
    ({ uptimeMs }) => seconds(uptimeMs),
  ),
  gauge(
    { name: "configuration_last_good", help: "1 where a copy of the last configuration that worked is in force." },
    ({ configuration }) => (configuration.source === "last-good" ? 1 : 0),
  ),
  gauge(
    { name: "configuration_problems", help: "Parts of the configuration that are not in force." },
    ({ configuration }) => configuration.problems.length,
  ),
  gauge(
    { name: "signal_table_messages", help: "Messages in the signal table." },
    ({ signalTable }) => signalTable.messages,
  ),
  gauge(
    { name: "signal_table_signals", help: "Signals in the signal table." },
    ({ signalTable }) => signalTable.signals,
  ),
  counter(
    { name: "data_path_flushes", help: "Times that samples were put into records." },
    ({ dataPath }) => dataPath.flushes,
  ),
  gauge({ name: "data_path_flush_age_seconds", help: "Since the last flush.", unit: "seconds" }, ({ dataPath }) =>
    seconds(dataPath.flushAgoMs),
  ),
  gauge(
    { name: "data_path_turn_age_seconds", help: "Since the publisher's last turn.", unit: "seconds" },
    ({ dataPath }) => seconds(dataPath.turnAgoMs),
  ),
  metric(
    "gauge",
    { name: "local_socket_clients", help: "Clients of a local socket." },
    ["socket"],
    ({ localSockets }) =>
      byLabel(
        "socket",
        SOCKETS.map((socket) => [socket, localSockets[socket].clients] as const),
      ),
  ),
  metric(
    "counter",
    { name: "local_socket_requests", help: "Requests to a local socket." },
    ["socket"],
    ({ localSockets }) =>
      byLabel(
        "socket",
        SOCKETS.map((socket) => [socket, localSockets[socket].requests] as const),
      ),
  ),
  metric(
    "counter",
    { name: "local_socket_ended_clients", help: "Clients of a local socket that were refused or ended, by why." },
    ["socket", "cause"],
    ({ localSockets }) =>
      SOCKETS.flatMap((socket) =>
        SOCKET_COUNTS.map((cause) => ({ labels: { socket, cause }, value: localSockets[socket][cause] })),
      ),
  ),
];
