import { addonIfBuilt, loadNativeAddon, type NativeAddon } from "./native-addon.ts";

/**
 * Lets the TCP sockets of this process whose peer has this port, 1 to 65535, send small segments at once (TCP_NODELAY, tcp(7)), whoever has
 * opened them. Gives how many did not yet; undefined where the addon was not built or the kernel does not show the descriptors.
 */
export function setNoDelay(port: number, load: () => NativeAddon = loadNativeAddon): number | undefined {
  const changed = addonIfBuilt(load)?.setNoDelay(port) ?? -1;
  return changed < 0 ? undefined : changed;
}
