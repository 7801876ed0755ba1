import { addonIfBuilt, loadNativeAddon, type NativeAddon } from "./native-addon.ts";

/** What the kernel says of its clocks; undefined where it does not say, or the addon, through which alone Node can ask, was not built. */
export type KernelClock = {
  /** The largest error that the wall clock may have, whoever keeps it, µs (adjtimex(2), maxerror). */
  readonly errorUs: () => number | undefined;
  /** How long the machine was suspended since its boot, µs, to a few of them. */
  readonly suspendedUs: () => number | undefined;
};

/** Reads through the addon, which is loaded with the first call. */
export function kernelClock(load: () => NativeAddon = loadNativeAddon): KernelClock {
  let held: NativeAddon | "none" | undefined;
  const addon = (): NativeAddon | undefined => {
    held ??= addonIfBuilt(load) ?? "none";
    return held === "none" ? undefined : held;
  };
  return {
    errorUs: () => {
      const errorUs = addon()?.clockErrorUs() ?? -1;
      return errorUs < 0 ? undefined : errorUs;
    },
    suspendedUs: () => addon()?.suspendedUs(),
  };
}
