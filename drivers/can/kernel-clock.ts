import { loadNativeAddon, type NativeAddon } from "./native-addon.ts";

/**
 * Reads what the kernel knows of its wall clock, whoever keeps it: the largest error it may have, µs. Undefined where the kernel does
 * not say, or the addon, through which alone Node comes to adjtimex(2), was not built. It is loaded with the first call.
 */
export function kernelClock(load: () => NativeAddon = loadNativeAddon): () => number | undefined {
  let addon: NativeAddon | "none" | undefined;
  return () => {
    addon ??= loaded(load);
    const errorUs = addon === "none" ? -1 : addon.clockErrorUs();
    return errorUs < 0 ? undefined : errorUs;
  };
}

function loaded(load: () => NativeAddon): NativeAddon | "none" {
  try {
    return load();
  } catch {
    // A bus that needs the addon says what is wrong with it; the clock can be judged without.
    return "none";
  }
}
