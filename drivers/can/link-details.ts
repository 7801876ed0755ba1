import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { BusConfig } from "../../config/schema.ts";
import { FD_MTU, listInterfaces, NET_FOLDER } from "./can-interface.ts";
import { isOnHost } from "./controller.ts";

/** Longest time that `ip` is given, ms. */
const LOOK_MS = 2000;
const MAX_OUTPUT_BYTES = 4_194_304;

/** Counts of an interface since it was made. */
export type LinkCounters = {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
  readonly dropped: number;
};

/** What a CAN controller says of itself; of a virtual interface there is none. Rates are bits a second, a sample point is a part of the bit. */
export type ControllerDetails = {
  /** "error-active", "error-warning", "error-passive", "bus-off", "stopped", "sleeping". */
  readonly state: string | undefined;
  readonly bitrate: number | undefined;
  readonly samplePoint: number | undefined;
  readonly dataBitrate: number | undefined;
  readonly dataSamplePoint: number | undefined;
  /** "listen-only", "fd" and others. */
  readonly modes: readonly string[];
  /** After bus-off it starts again by itself after so long; 0: never. */
  readonly restartMs: number | undefined;
  /** The error counters of the controller itself (ISO 11898-1): 0 to 255. */
  readonly errorCounters: { readonly transmit: number; readonly receive: number } | undefined;
  /** How often since the interface was made. */
  readonly events: Readonly<Record<ControllerEvent, number>> | undefined;
};

/** What a controller counts. */
export type ControllerEvent = "restarts" | "busErrors" | "arbitrationLost" | "errorWarning" | "errorPassive" | "busOff";

/** A CAN interface of this host with all that the kernel tells. */
export type LinkDetails = {
  readonly interface: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Carries CAN FD frames. */
  readonly fd: boolean;
  /** "can" for a controller, "vcan", "vxcan"; undefined where it is not known. */
  readonly kind: string | undefined;
  readonly controller: ControllerDetails | undefined;
  readonly received: LinkCounters | undefined;
  readonly sent: LinkCounters | undefined;
};

const count = z.number().int().nonnegative();
/** iproute2 writes a sample point as a number, and from 5.14 on as text. */
const timing = z.object({ bitrate: count, sample_point: z.coerce.number().optional() });
const counters = z.object({ packets: count, bytes: count, errors: count, dropped: count });
const infoData = z.object({
  ctrlmode: z.array(z.string()).optional(),
  state: z.string().optional(),
  berr_counter: z.object({ tx: count, rx: count }).optional(),
  restart_ms: count.optional(),
  bittiming: timing.optional(),
  data_bittiming: timing.optional(),
  /** In their place with a controller of fixed rates. */
  bittiming_bitrate: count.optional(),
  data_bittiming_bitrate: count.optional(),
});
const xstats = z.object({
  restarts: count,
  bus_error: count,
  arbitration_lost: count,
  error_warning: count,
  error_passive: count,
  bus_off: count,
});
/** What `ip -details -statistics -json link show` says of an interface (iproute2, ip/ipaddress.c, ip/iplink_can.c). */
const canLink = z.object({
  ifname: z.string(),
  link_type: z.literal("can"),
  flags: z.array(z.string()),
  mtu: count,
  linkinfo: z
    .object({ info_kind: z.string().optional(), info_data: infoData.optional(), info_xstats: xstats.optional() })
    .optional(),
  stats64: z.object({ rx: counters, tx: counters }).optional(),
});

/**
 * The CAN interfaces of this host, by name. `ip` of iproute2 is asked, which every system that sets up CAN has, and which keeps pace with
 * the kernel's netlink attributes; where there is none, sysfs tells what it knows, without the controller.
 */
export async function readLinks(program = "ip", netFolder = NET_FOLDER): Promise<readonly LinkDetails[]> {
  const printed = await run(program, ["-details", "-statistics", "-json", "link", "show"]);
  const links = printed === undefined ? undefined : parseLinks(printed);
  return (links ?? linksOfSysfs(netFolder)).toSorted((a, b) => (a.interface < b.interface ? -1 : 1));
}

/** The interface of a bus among these; undefined for a bus that is none of this host, and where there is no such interface. */
export function linkOf(bus: BusConfig, links: readonly LinkDetails[]): LinkDetails | undefined {
  return isOnHost(bus) ? links.find((link) => link.interface === bus.interface) : undefined;
}

/** The CAN interfaces in what `ip` printed; undefined for what is no such list, as busybox's `ip` prints. */
export function parseLinks(text: string): readonly LinkDetails[] | undefined {
  const list = z.array(z.unknown()).safeParse(jsonOf(text));
  if (!list.success) return undefined;
  return list.data.flatMap((one) => {
    const link = canLink.safeParse(one);
    return link.success ? [detailsOf(link.data)] : [];
  });
}

function detailsOf({ ifname, flags, mtu, linkinfo, stats64 }: z.infer<typeof canLink>): LinkDetails {
  const { info_kind: kind, info_data: data, info_xstats: events } = linkinfo ?? {};
  return {
    interface: ifname,
    up: flags.includes("UP"),
    mtu,
    fd: mtu >= FD_MTU,
    kind,
    controller: kind === "can" && data !== undefined ? controllerOf(data, events) : undefined,
    received: stats64?.rx,
    sent: stats64?.tx,
  };
}

function controllerOf(data: z.infer<typeof infoData>, events: z.infer<typeof xstats> | undefined): ControllerDetails {
  const { berr_counter: errors } = data;
  return {
    state: data.state?.toLowerCase(),
    bitrate: data.bittiming?.bitrate ?? data.bittiming_bitrate,
    samplePoint: data.bittiming?.sample_point,
    dataBitrate: data.data_bittiming?.bitrate ?? data.data_bittiming_bitrate,
    dataSamplePoint: data.data_bittiming?.sample_point,
    modes: (data.ctrlmode ?? []).map((mode) => mode.toLowerCase()),
    restartMs: data.restart_ms,
    errorCounters: errors === undefined ? undefined : { transmit: errors.tx, receive: errors.rx },
    events: events === undefined ? undefined : eventsOf(events),
  };
}

function eventsOf(counted: z.infer<typeof xstats>): Readonly<Record<ControllerEvent, number>> {
  return {
    restarts: counted.restarts,
    busErrors: counted.bus_error,
    arbitrationLost: counted.arbitration_lost,
    errorWarning: counted.error_warning,
    errorPassive: counted.error_passive,
    busOff: counted.bus_off,
  };
}

function linksOfSysfs(netFolder: string): readonly LinkDetails[] {
  return listInterfaces(netFolder).map((link) => ({
    ...link,
    kind: undefined,
    controller: undefined,
    received: countersOfSysfs(netFolder, link.interface, "rx"),
    sent: countersOfSysfs(netFolder, link.interface, "tx"),
  }));
}

function countersOfSysfs(netFolder: string, name: string, way: "rx" | "tx"): LinkCounters | undefined {
  const read = (what: string): number =>
    Number(readFileSync(join(netFolder, name, "statistics", `${way}_${what}`), "utf8"));
  try {
    return { packets: read("packets"), bytes: read("bytes"), errors: read("errors"), dropped: read("dropped") };
  } catch {
    // Gone meanwhile.
    return undefined;
  }
}

/** What a program printed; undefined when it is not there or failed. */
function run(program: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: LOOK_MS, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not iproute2.
    return undefined;
  }
}
