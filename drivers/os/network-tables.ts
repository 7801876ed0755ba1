import { SocketAddress } from "node:net";
import { endianness } from "node:os";
import type { InterfaceCount } from "../../agent/ports/network-state.ts";

/** A socket of /proc/net/tcp and its like. `state` is the kernel's (include/net/tcp_states.h). */
export type KernelSocket = {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly state: number;
};

/** What a table has, and how many of its lines were not understood. */
export type Table<T> = { readonly rows: readonly T[]; readonly malformed: number };

const SOCKET =
  /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2})(?: |$)/;
const INTERFACE = /^\s*(\S{1,32}?):\s*(\d{1,20}(?:\s+\d{1,20}){8,})\s*$/;
/** Columns of /proc/net/dev (net/core/net-procfs.c). */
const COLUMN = { bytesIn: 0, packetsIn: 1, bytesOut: 8, packetsOut: 9 } as const;
const MAPPED = "::ffff:";

/**
 * Sockets of /proc/net/{tcp,tcp6,udp,udp6} (Documentation/networking/proc_net_tcp.rst). Addresses are words of 32 bits as the machine has
 * them, one for IPv4 and four for IPv6; ports are numbers. `isLittleEndian` is the machine's when absent.
 */
export function parseSockets(text: string, isLittleEndian = endianness() === "LE"): Table<KernelSocket> {
  return parsed(linesOf(text, 1), (line) => {
    const found = SOCKET.exec(line);
    if (found === null) return undefined;
    const [, local = "", localPort = "", remote = "", remotePort = "", state = ""] = found;
    return {
      localAddress: addressOf(local, isLittleEndian),
      localPort: Number.parseInt(localPort, 16),
      remoteAddress: addressOf(remote, isLittleEndian),
      remotePort: Number.parseInt(remotePort, 16),
      state: Number.parseInt(state, 16),
    };
  });
}

/** Counts of /proc/net/dev. One beyond 2^53 is not understood. */
export function parseInterfaces(text: string): Table<InterfaceCount> {
  return parsed(linesOf(text, 2), (line) => {
    const [, name, counts = ""] = INTERFACE.exec(line) ?? [];
    const values = counts.split(/\s+/).map(Number);
    const at = (column: number): number => values[column] ?? Number.NaN;
    const { bytesIn, packetsIn, bytesOut, packetsOut } = COLUMN;
    const row = { bytesIn: at(bytesIn), packetsIn: at(packetsIn), bytesOut: at(bytesOut), packetsOut: at(packetsOut) };
    return name !== undefined && Object.values(row).every(Number.isSafeInteger) ? { name, ...row } : undefined;
  });
}

function linesOf(text: string, headers: number): readonly string[] {
  return text
    .split("\n")
    .slice(headers)
    .filter((line) => line.trim() !== "");
}

function parsed<T>(lines: readonly string[], read: (line: string) => T | undefined): Table<T> {
  const rows = lines.flatMap((line) => read(line) ?? []);
  return { rows, malformed: lines.length - rows.length };
}

function addressOf(hex: string, isLittleEndian: boolean): string {
  const bytes = Buffer.from(hex, "hex");
  if (isLittleEndian) bytes.swap32();
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  const { address } = new SocketAddress({ address: groups.join(":"), family: "ipv6" });
  return address.startsWith(MAPPED) && address.includes(".") ? address.slice(MAPPED.length) : address;
}
