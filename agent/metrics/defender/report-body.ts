import type { ListeningPort, NetworkReading } from "../../ports/network-state.ts";
import type { Traffic } from "./traffic.ts";

/** Keys of a report, long and short (AWS IoT Device Defender, device metrics; defender.h of its embedded library). A report has one kind of them. */
const SHORT_KEYS: Readonly<Record<string, string>> = {
  header: "hed",
  report_id: "rid",
  version: "v",
  metrics: "met",
  custom_metrics: "cmet",
  tcp_connections: "tc",
  established_connections: "ec",
  connections: "cs",
  remote_addr: "rad",
  local_port: "lp",
  local_interface: "li",
  total: "t",
  listening_tcp_ports: "tp",
  listening_udp_ports: "up",
  ports: "pts",
  port: "pt",
  interface: "if",
  network_stats: "ns",
  bytes_in: "bi",
  bytes_out: "bo",
  packets_in: "pi",
  packets_out: "po",
};
const VERSION = "1.0";

/** What one report says. */
export type DefenderReport = {
  /** Grows from one to the next. */
  readonly reportId: number;
  readonly network: NetworkReading;
  /** Since the report before; undefined where that is not known. */
  readonly traffic: Traffic | undefined;
  /** Custom metrics by name. */
  readonly custom: ReadonlyMap<string, number>;
};

/** How it is written: `maxListed` connections and ports of each kind are listed, all are counted. */
export type ReportForm = { readonly names: "long" | "short"; readonly maxListed: number };

/** The document that the service takes, for `encodeBody`. Keys that have nothing to say are left out. */
export function reportBody(
  { reportId, network, traffic, custom }: DefenderReport,
  { names, maxListed }: ReportForm,
): Readonly<Record<string, unknown>> {
  const connections = network.connections.slice(0, maxListed).map((connection) => ({
    remote_addr: endpoint(connection.remoteAddress, connection.remotePort),
    local_port: connection.localPort,
    ...(connection.interface !== undefined && { local_interface: connection.interface }),
  }));
  const body = {
    header: { report_id: reportId, version: VERSION },
    metrics: {
      listening_tcp_ports: portsOf(network.tcpPorts, maxListed),
      listening_udp_ports: portsOf(network.udpPorts, maxListed),
      ...(traffic !== undefined && { network_stats: traffic }),
      tcp_connections: { established_connections: { connections, total: network.connections.length } },
    },
  };
  // Names of custom metrics are the account's, and stay as they are.
  const customs = Object.fromEntries([...custom].map(([name, number]) => [name, [{ number }]]));
  return {
    ...Object.fromEntries(Object.entries(body).map(([key, part]) => [keyOf(key, names), written(part, names)])),
    ...(custom.size > 0 && { [keyOf("custom_metrics", names)]: customs }),
  };
}

function portsOf(ports: readonly ListeningPort[], maxListed: number): object {
  const listed = ports.slice(0, maxListed).map(({ port, interface: on }) => {
    return { port, ...(on !== undefined && { interface: on }) };
  });
  return { ports: listed, total: ports.length };
}

/** An IPv6 address stands in brackets before its port (RFC 3986, 3.2.2). */
function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function keyOf(key: string, names: ReportForm["names"]): string {
  return names === "long" ? key : (SHORT_KEYS[key] ?? key);
}

function written(value: unknown, names: ReportForm["names"]): unknown {
  if (Array.isArray(value)) return value.map((part) => written(part, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [keyOf(key, names), written(part, names)]));
}
