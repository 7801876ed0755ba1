import { createRequire } from "node:module";
import { ADDON_FILE } from "./native-addon.ts";

/** The part of the receive addon for sockets of TCP (native/no-delay.h). */
type NoDelayAddon = {
  /** How many sockets had not got the option; -1 when the kernel does not show the descriptors. Throws an Error whose `code` is EINVAL. */
  setNoDelay(port: number): number;
};

function isNoDelayAddon(loaded: unknown): loaded is NoDelayAddon {
  return (
    typeof loaded === "object" && loaded !== null && "setNoDelay" in loaded && typeof loaded.setNoDelay === "function"
  );
}

/**
 * Lets the TCP sockets of this process whose peer has this port, 1 to 65535, send small segments at once (TCP_NODELAY, tcp(7)), whoever has
 * opened them. Gives how many did not yet; undefined where the addon was not built or the kernel does not show the descriptors.
 */
export function setNoDelay(port: number, file = ADDON_FILE): number | undefined {
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(file);
  } catch {
    // A bus that needs the addon says what is wrong with it; the connection is only slower.
    return undefined;
  }
  const changed = isNoDelayAddon(addon) ? addon.setNoDelay(port) : -1;
  return changed < 0 ? undefined : changed;
}
