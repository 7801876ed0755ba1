import { addonIfBuilt, loadNativeAddon, type NativeAddon } from "./native-addon.ts";

/**
 * Lets go of the memory that holds code and constants of programs and libraries, most of which only a start needs, and of what malloc holds
 * free. What runs again is mapped again by the page (madvise(2), MADV_DONTNEED), from the page cache as long as the kernel has no better use for it.
 * Gives the bytes of files that were let go; undefined where the addon was not built or the kernel does not show the mappings.
 */
export function releaseCleanPages(load: () => NativeAddon = loadNativeAddon): number | undefined {
  const bytes = addonIfBuilt(load)?.releaseCleanPages() ?? -1;
  return bytes < 0 ? undefined : bytes;
}
