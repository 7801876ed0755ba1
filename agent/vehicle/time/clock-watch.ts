import { type Clock, isBelievable } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { ClockSteps } from "./clock-steps.ts";

/** Time services slew smaller differences and set larger ones; certificates and rejections do not turn on less. */
const STEP_MS = 30_000;

/** What watches the clock. `onSet` is told when the wall time was set, and after a suspend, in which the link has gone. */
export type ClockWatchParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly onSet: () => void;
  readonly steps: Pick<ClockSteps, "onLook">;
};

/**
 * Notices that somebody has set the wall time: it moved against the time since the boot, or became known. What failed for the time
 * it was, such as a certificate that was not valid yet, may work now. Looks when `steps` looks; gives how to stop watching.
 */
export function watchClock({ clock, log, onSet, steps }: ClockWatchParts): () => void {
  let before = clock.quality();
  return steps.onLook(({ steppedMs, suspendedMs }) => {
    const quality = clock.quality();
    const becameKnown = !isBelievable(before) && isBelievable(quality);
    before = quality;
    const isSet = Math.abs(steppedMs) >= STEP_MS || becameKnown;
    if (isSet) log.info("clock.set", { steppedMs: Math.round(steppedMs), quality });
    else if (suspendedMs >= STEP_MS) log.info("clock.resumed", { suspendedMs: Math.round(suspendedMs) });
    else return;
    onSet();
  });
}
