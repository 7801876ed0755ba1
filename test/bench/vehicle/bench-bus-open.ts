import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { listInterfaces } from "../../../drivers/can/can-interface.ts";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { untilStarted } from "../core/wait.ts";
import type { BenchBus } from "./bench-bus.ts";

const run = promisify(execFile);
const HUB = fileURLToPath(new URL("../processes/hub.ts", import.meta.url));
const OWN_INTERFACE = "cwbench0";
/** Data link size of CAN FD (CANFD_MTU, linux/can.h). */
const FD_MTU = "72";
const hubReport = z.union([
  z.object({ ready: z.literal(true), port: z.int() }),
  z.object({ counters: z.object({ sent: z.int(), delivered: z.int(), dropped: z.int() }) }),
]);

/**
 * An open bus. `label` says for a person what it is; `dropped` counts frames that the bus itself lost on their way to a receiver, `unheard`
 * those that nobody was there for, as far as the bus can know.
 */
export type OpenBus = {
  readonly bus: BenchBus;
  readonly label: string;
  readonly dropped: () => number;
  readonly unheard: () => number;
  readonly close: () => Promise<void>;
};

/** What a kernel interface drops, it counts at the receiver's socket, and the agent says it. */
const NOTHING_DROPPED = (): number => 0;
/** Of an interface of the kernel nobody counts it. */
const NOTHING_UNHEARD = (): number => 0;

/** A vcan interface where the kernel has it (made for this run, or one that is there already), otherwise a hub process. */
export async function openBus(logFolder: string): Promise<OpenBus> {
  return (await makeInterface()) ?? findInterface() ?? (await openHub(logFolder, "this kernel has no vcan"));
}

async function makeInterface(): Promise<OpenBus | undefined> {
  try {
    // Left over from a run that was killed.
    await run("ip", ["link", "delete", OWN_INTERFACE]).catch(() => undefined);
    await run("ip", ["link", "add", "dev", OWN_INTERFACE, "type", "vcan"]);
    await run("ip", ["link", "set", OWN_INTERFACE, "mtu", FD_MTU, "up"]);
  } catch {
    // No vcan in this kernel, no right to make one, or no `ip`: the hub stands in, and the label says so.
    return undefined;
  }
  return {
    bus: { kind: "vcan", interface: OWN_INTERFACE },
    label: `vcan ${OWN_INTERFACE}`,
    dropped: NOTHING_DROPPED,
    unheard: NOTHING_UNHEARD,
    close: async () => void (await run("ip", ["link", "delete", OWN_INTERFACE])),
  };
}

function findInterface(): OpenBus | undefined {
  const link = listInterfaces().find((one) => one.interface.startsWith("vcan") && one.up && one.fd);
  if (link === undefined) return undefined;
  return {
    bus: { kind: "vcan", interface: link.interface },
    label: `vcan ${link.interface}`,
    dropped: NOTHING_DROPPED,
    unheard: NOTHING_UNHEARD,
    close: () => Promise.resolve(),
  };
}

/** A hub process, with more in its environment where something is to be different for it. `why` there is a hub, the label says. */
export async function openHub(
  logFolder: string,
  why: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<OpenBus> {
  let port: number | undefined;
  let counters = { sent: 0, delivered: 0, dropped: 0 };
  const child = await startChild({
    command: process.execPath,
    args: [HUB, JSON.stringify({ buses: ["can0"] })],
    environment,
    logFile: join(logFolder, "hub.log"),
    onLine: (line) => {
      const report = parseLine(hubReport, line);
      if ("ready" in report) port = report.port;
      else counters = report.counters;
    },
  });
  const hubPort = await untilStarted(child, () => port, "the socketcand hub is ready");
  return {
    bus: { kind: "hub", host: "127.0.0.1", port: hubPort, interface: "can0" },
    label: `socketcand hub 127.0.0.1:${hubPort} (${why})`,
    dropped: () => counters.dropped,
    // The agent is the one that listens.
    unheard: () => Math.max(0, counters.sent - counters.delivered - counters.dropped),
    close: async () => void (await child.stop()),
  };
}
