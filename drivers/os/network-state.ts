import { open, readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { errnoOf } from "../../agent/core/errors.ts";
import type { ListeningPort, NetworkReading, NetworkState, TcpConnection } from "../../agent/ports/network-state.ts";
import { type KernelSocket, parseInterfaces, parseSockets, type Table } from "./network-tables.ts";

/** Of each table: some 7000 sockets. */
const MAX_TABLE_BYTES = 1_048_576;
/** States of a socket (include/net/tcp_states.h); one of UDP that is not connected is closed. */
const STATE = { established: 0x01, closed: 0x07, listening: 0x0a } as const;
/** Types of devices that are no network (include/uapi/linux/if_arp.h). */
const NO_NETWORK: ReadonlySet<string> = new Set(["772", "280"]);
/** The network namespace of this process, also where the unit hides all of /proc but processes. */
const TABLES = "/proc/self/net";
const DEVICES = "/sys/class/net";

/** Folders that tests put somewhere else. */
export type NetworkStateParts = { readonly tables?: string; readonly devices?: string };

/** The network as the kernel tells it, without a shell and without a right that not every user has. */
export function networkState({ tables = TABLES, devices = DEVICES }: NetworkStateParts = {}): NetworkState {
  return { read: () => readNetwork(tables, devices) };
}

async function readNetwork(tables: string, devices: string): Promise<NetworkReading> {
  const [tcp, tcp6, udp, udp6] = await Promise.all(
    ["tcp", "tcp6", "udp", "udp6"].map((name) => readTable(join(tables, name), parseSockets)),
  );
  const counts = await readTable(join(tables, "dev"), parseInterfaces);
  const interfaces = await withoutOthers(counts.rows, devices);
  const overTcp = [tcp, tcp6].flatMap((table) => table?.rows ?? []);
  const overUdp = [udp, udp6].flatMap((table) => table?.rows ?? []);
  const names = interfacesByAddress();
  const connections = overTcp.filter(({ state }) => state === STATE.established);
  const listening = overTcp.filter(({ state }) => state === STATE.listening);
  const bound = overUdp.filter(({ state, localPort }) => state === STATE.closed && localPort > 0);
  const unread = [tcp, tcp6, udp, udp6, counts].reduce((sum, table) => sum + (table?.malformed ?? 0), 0);
  return {
    connections: connections.map((socket) => connectionOf(socket, names)),
    tcpPorts: portsOf(listening, names),
    udpPorts: portsOf(bound, names),
    interfaces,
    unread,
  };
}

/** A table that cannot be read, as one without IPv6, has no rows. */
async function readTable<T>(file: string, parse: (text: string) => Table<T>): Promise<Table<T>> {
  try {
    const { text, isCut } = await readBounded(file);
    const { rows, malformed } = parse(text);
    return { rows, malformed: malformed + (isCut ? 1 : 0) };
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    return { rows: [], malformed: errno === "ENOENT" && file.endsWith("6") ? 0 : 1 };
  }
}

/** The whole lines of the first `MAX_TABLE_BYTES`. Files of /proc say no size. */
async function readBounded(file: string): Promise<{ readonly text: string; readonly isCut: boolean }> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(MAX_TABLE_BYTES);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, Math.min(65_536, buffer.length - length));
      if (bytesRead === 0) return { text: buffer.toString("latin1", 0, length), isCut: false };
      length += bytesRead;
    }
    return { text: buffer.toString("latin1", 0, buffer.lastIndexOf(0x0a) + 1), isCut: true };
  } finally {
    await handle.close();
  }
}

/** Without the loopback interface and CAN; one whose type nobody says stays. */
async function withoutOthers<T extends { readonly name: string }>(rows: readonly T[], devices: string): Promise<T[]> {
  const types = await Promise.all(rows.map(({ name }) => typeOf(name, devices)));
  return rows.filter((_, at) => !NO_NETWORK.has(types[at] ?? ""));
}

async function typeOf(name: string, devices: string): Promise<string> {
  try {
    return (await readFile(join(devices, name.replaceAll("/", "!"), "type"), "latin1")).trim();
  } catch {
    // It has gone, or the sandbox hides it.
    return name === "lo" ? "772" : "";
  }
}

/** None where the kernel cannot be asked: no descriptor is left, or the sandbox has no netlink. */
function interfacesByAddress(): ReadonlyMap<string, string> {
  try {
    return new Map(
      Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
        (addresses ?? []).map(({ address }) => [address, name] as const),
      ),
    );
  } catch {
    return new Map();
  }
}

function connectionOf(socket: KernelSocket, names: ReadonlyMap<string, string>): TcpConnection {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return { localAddress, localPort, remoteAddress, remotePort, interface: names.get(localAddress) };
}

/** Each port once for each interface: a service often listens over IPv4 and IPv6. */
function portsOf(sockets: readonly KernelSocket[], names: ReadonlyMap<string, string>): readonly ListeningPort[] {
  const ports = new Map<string, ListeningPort>();
  for (const { localAddress, localPort: port } of sockets) {
    const on = names.get(localAddress);
    ports.set(`${port} ${on ?? ""}`, { port, interface: on });
  }
  return [...ports.values()].toSorted((left, right) => left.port - right.port);
}
