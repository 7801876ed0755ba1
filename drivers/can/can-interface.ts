import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the kernel lists its network interfaces. */
export const NET_FOLDER = "/sys/class/net";
/** ARPHRD_CAN (linux/if_arp.h), as /sys/class/net/X/type shows it. */
const CAN_TYPE = 280;
/** IFF_UP (linux/if.h), as /sys/class/net/X/flags shows it. */
const UP_FLAG = 0x1;
/** CANFD_MTU (linux/can.h): an interface with at least this MTU carries CAN FD. */
export const FD_MTU = 72;

/** What the kernel says of one CAN interface now. */
export type CanInterface = {
  readonly interface: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Carries CAN FD frames. */
  readonly fd: boolean;
};

/** The interface as sysfs shows it; undefined when there is none of that name, "not-can" when it is of another kind. */
export function readInterface(interfaceName: string, netFolder = NET_FOLDER): CanInterface | "not-can" | undefined {
  const read = (attribute: string): number => Number(readFileSync(join(netFolder, interfaceName, attribute), "utf8"));
  try {
    if (read("type") !== CAN_TYPE) return "not-can";
    const mtu = read("mtu");
    return { interface: interfaceName, up: (read("flags") & UP_FLAG) !== 0, mtu, fd: mtu >= FD_MTU };
  } catch {
    // Gone, perhaps between two of the reads; sysfs gives ENOENT, ENODEV or EINVAL then.
    return undefined;
  }
}

/** All CAN interfaces of this host, by name; empty where there is no sysfs. */
export function listInterfaces(netFolder = NET_FOLDER): readonly CanInterface[] {
  let names: string[];
  try {
    names = readdirSync(netFolder);
  } catch {
    return [];
  }
  return names
    .sort()
    .map((name) => readInterface(name, netFolder))
    .filter((link) => link !== undefined)
    .filter((link) => link !== "not-can");
}

/** Whether the kernel has raw CAN sockets loaded (it loads them at the first attempt to open one, when it has them at all). */
export function kernelHasCan(protocolsFile = "/proc/self/net/protocols"): boolean {
  try {
    return readFileSync(protocolsFile, "utf8").includes("\nCAN_RAW ");
  } catch {
    return false;
  }
}

/** One line about an interface for people. */
export function describeInterface(interfaceName: string, link: CanInterface | "not-can" | undefined): string {
  if (link === undefined) return `there is no interface ${interfaceName}`;
  if (link === "not-can") return `${interfaceName} is not a CAN interface`;
  if (!link.up) return `interface ${interfaceName} is down`;
  return `interface ${interfaceName} is up, ${link.fd ? "CAN FD" : "classic CAN"}`;
}
