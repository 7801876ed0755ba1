import { createRequire } from "node:module";
import { addonMissing } from "./faults.ts";
import { ADDON_FILE } from "./native-addon.ts";

/** The part of the receive addon for GPIO lines (native/gpio-addon.c). All throw an Error whose `code` is an errno name. */
export type GpioAddon = {
  /** Asks for a line as `flags` say (GPIO_V2_LINE_FLAG_*, linux/gpio.h), and gives its descriptor. */
  gpioOpen(chip: string, offset: number, flags: number, debounceUs: number): number;
  /** Whether the line is active, active low reckoned in. */
  gpioLevel(descriptor: number): boolean;
  /** Fills `out` with pairs of level (0 or 1) and CLOCK_MONOTONIC, µs, of changes since the call before, and gives their number. */
  gpioEvents(descriptor: number, out: Float64Array): number;
  gpioClose(descriptor: number): void;
};

const FUNCTIONS = ["gpioOpen", "gpioLevel", "gpioEvents", "gpioClose"] as const;

function isGpioAddon(loaded: unknown): loaded is GpioAddon {
  if (typeof loaded !== "object" || loaded === null) return false;
  const functions = new Map<string, unknown>(Object.entries(loaded));
  return FUNCTIONS.every((name) => typeof functions.get(name) === "function");
}

/** Loads the addon for GPIO lines. Throws `bus.unsupported` when it was not built. */
export function loadGpioAddon(file = ADDON_FILE): GpioAddon {
  const name = "the addon can_receive.node, which reads GPIO lines too,";
  const remedy = "build it with npm run build:native";
  let loaded: unknown;
  try {
    loaded = createRequire(import.meta.url)(file);
  } catch (cause) {
    throw addonMissing(name, remedy, cause);
  }
  if (!isGpioAddon(loaded)) throw addonMissing(name, remedy, undefined);
  return loaded;
}
