import { execFile } from "node:child_process";
import { z } from "zod";
import type { BusConfig } from "../../config/schema.ts";

/** Longest time that `ip` is given, ms. */
const LOOK_MS = 2000;
const MAX_OUTPUT_BYTES = 1_048_576;

/** What `ip -details -json link show` says of a CAN controller (iproute2, ip/iplink_can.c); a virtual one has none of it. */
const shown = z.tuple([
  z.object({
    linkinfo: z
      .object({
        info_data: z.object({ ctrlmode: z.array(z.string()).optional() }).optional(),
      })
      .optional(),
  }),
]);

/** How the controller of a CAN interface is set. */
export type Controller = {
  /** It neither sends nor acknowledges. */
  readonly listenOnly: boolean;
};

/** Whether a bus is an interface of this host. */
export function isOnHost(bus: BusConfig): bus is Extract<BusConfig, { driver: "native" | "socketcan" }> {
  return bus.driver === "native" || bus.driver === "socketcan";
}

/** What says whether the controller of a bus only listens; undefined where nothing can: it is not of this host. */
export function controllerLook(bus: BusConfig): (() => Promise<boolean>) | undefined {
  if (!isOnHost(bus)) return undefined;
  return async () => (await readController(bus.interface))?.listenOnly === true;
}

/** What the kernel says of the controller of an interface; undefined where it cannot be asked: no such interface, or no `ip`. */
export function readController(interfaceName: string, program = "ip"): Promise<Controller | undefined> {
  const words = ["-details", "-json", "link", "show", "dev", interfaceName];
  return new Promise((resolve) => {
    execFile(program, words, { timeout: LOOK_MS, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout) => {
      resolve(error === null ? parseController(stdout) : undefined);
    });
  });
}

/** The controller in what `ip` printed; undefined for what is not understood. */
export function parseController(text: string): Controller | undefined {
  const parsed = shown.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  return { listenOnly: parsed.data[0].linkinfo?.info_data?.ctrlmode?.includes("LISTEN-ONLY") === true };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
