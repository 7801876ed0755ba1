import { releaseCleanPages } from "../../drivers/can/clean-pages.ts";

/** Collects garbage where Node was started with --expose-gc, so that what it held outside of V8's heap is free too, and lets go of clean pages: gives what that gives. */
export function releaseMemory(
  collect: (() => void) | undefined = globalThis.gc,
  release: () => number | undefined = releaseCleanPages,
): number | undefined {
  collect?.();
  return release();
}
