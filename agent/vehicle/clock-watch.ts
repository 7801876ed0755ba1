import { type Clock, isBelievable } from "../core/clock.ts";
import type { Log } from "../core/log.ts";

const POLL_MS = 1000;
/** Time services slew smaller differences and set larger ones; certificates and rejections do not turn on less. */
const STEP_MS = 30_000;

/** What watches the clock. `onSet` is told when the wall time was set. */
export type ClockWatchParts = { readonly clock: Clock; readonly log: Log; readonly onSet: () => void };

/**
 * Notices that somebody has set the wall time: it moved against the monotonic time, or became known. What failed for the time
 * it was, such as a certificate that was not valid yet, may work now. Gives how to stop watching.
 */
export function watchClock({ clock, log, onSet }: ClockWatchParts): () => void {
  const offsetMs = (): number => clock.wallUs() / 1000 - clock.monotonicMs();
  let before = { offsetMs: offsetMs(), quality: clock.quality() };
  return clock.every(POLL_MS, () => {
    const now = { offsetMs: offsetMs(), quality: clock.quality() };
    const steppedMs = now.offsetMs - before.offsetMs;
    const becameKnown = !isBelievable(before.quality) && isBelievable(now.quality);
    before = now;
    if (Math.abs(steppedMs) < STEP_MS && !becameKnown) return;
    log.info("clock.set", { steppedMs: Math.round(steppedMs), quality: now.quality });
    onSet();
  });
}
