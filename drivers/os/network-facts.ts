import { readFileSync } from "node:fs";
import { BlockList, isIPv4 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { join } from "node:path";
import { parseInterfaces } from "./network-tables.ts";

/** Where an address can be reached from; the address itself says where the vehicle is. */
export type AddressScope = "loopback" | "link-local" | "private" | "shared" | "public";

/** What a network is like, without an address of it. */
export type NetworkFacts = {
  /** `addresses`: "ipv4 private". Counts are the kernel's, since the interface was made. */
  readonly interfaces: readonly {
    readonly name: string;
    readonly state: string;
    readonly addresses: readonly string[];
    readonly counts?: Readonly<Record<string, number>>;
  }[];
  /** Interfaces that a default route leads over. */
  readonly defaultRoutes: readonly string[];
  /** Of each name server its scope. */
  readonly nameServers: readonly string[];
};

/** Folders that tests put somewhere else. */
export type NetworkFactsParts = { readonly tables?: string; readonly devices?: string; readonly resolver?: string };

const SCOPES = scopes();

/** The network as the kernel and the resolver tell it, each address by its scope alone. What cannot be read is left out. */
export function networkFacts(parts: NetworkFactsParts = {}): NetworkFacts {
  const { tables = "/proc/self/net", devices = "/sys/class/net", resolver = "/etc/resolv.conf" } = parts;
  const counts = parseInterfaces(read(join(tables, "dev"))).rows;
  const addresses = networkInterfaces();
  return {
    interfaces: counts.map(({ name, ...numbers }) => ({
      name,
      state: read(join(devices, name, "operstate")).trim() || "unknown",
      addresses: (addresses[name] ?? []).map(describe),
      counts: numbersOf(numbers),
    })),
    defaultRoutes: defaultRoutes(read(join(tables, "route")), read(join(tables, "ipv6_route"))),
    nameServers: [...read(resolver).matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server = ""]) => scopeOf(server)),
  };
}

/** The scope of an address (RFC 1918, 3927, 4193, 4291, 6598). */
export function scopeOf(address: string): AddressScope {
  const [plain = ""] = address.split("%");
  const family = isIPv4(plain) ? "ipv4" : "ipv6";
  const found = SCOPES.find(([, list]) => list.check(plain, family));
  return found?.[0] ?? "public";
}

/** Interfaces of default routes in the kernel's tables of routes for IPv4 and IPv6 (proc(5)). */
export function defaultRoutes(ipv4: string, ipv6: string): readonly string[] {
  const fields = (text: string): readonly string[][] => text.split("\n").map((line) => line.trim().split(/\s+/));
  const over4 = fields(ipv4).flatMap(([name, destination, , , , , , mask]) =>
    name !== undefined && destination === "00000000" && mask === "00000000" ? [`${name} ipv4`] : [],
  );
  const over6 = fields(ipv6).flatMap(([destination, length, , , , , , , , name]) =>
    destination === "0".repeat(32) && length === "00" && name !== undefined && name !== "lo" ? [`${name} ipv6`] : [],
  );
  return [...new Set([...over4, ...over6])];
}

function describe({ family, address }: NetworkInterfaceInfo): string {
  return `${family.toLowerCase()} ${scopeOf(address)}`;
}

function numbersOf(row: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  const entries = Object.entries(row).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

function scopes(): readonly (readonly [AddressScope, BlockList])[] {
  const list = (subnets: readonly (readonly [network: string, prefix: number])[]): BlockList => {
    const block = new BlockList();
    for (const [network, prefix] of subnets) block.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6");
    return block;
  };
  return [
    [
      "loopback",
      list([
        ["127.0.0.0", 8],
        ["::1", 128],
      ]),
    ],
    [
      "link-local",
      list([
        ["169.254.0.0", 16],
        ["fe80::", 10],
      ]),
    ],
    [
      "private",
      list([
        ["10.0.0.0", 8],
        ["172.16.0.0", 12],
        ["192.168.0.0", 16],
        ["fc00::", 7],
      ]),
    ],
    ["shared", list([["100.64.0.0", 10]])],
  ];
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // No IPv6, an interface that has gone, or a system without this file.
    return "";
  }
}
