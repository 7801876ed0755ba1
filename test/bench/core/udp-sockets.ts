import { readFileSync } from "node:fs";

/** Sockets that are bound to a port of IPv4 datagrams, and what the kernel says that they lost because their queues were full, since they were opened. */
export type UdpSockets = { readonly count: number; readonly drops: number };

/** Of all ports in `ports`, as /proc/net/udp shows it (its last column; the port is hexadecimal in the second). */
export function udpSockets(ports: readonly number[], table = readFileSync("/proc/net/udp", "utf8")): UdpSockets {
  const wanted = new Set(ports);
  const drops = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address = ""]) => wanted.has(Number.parseInt(address.split(":")[1] ?? "", 16)))
    .map((columns) => Number(columns.at(-1)));
  return { count: drops.length, drops: drops.reduce((sum, one) => sum + one, 0) };
}
