import type { Clock } from "../core/clock.ts";
import type { SleepKeeper } from "../vehicle/sleep/sleep-keeper.ts";
import type { Uploader } from "./uploader.ts";

/** For so long an upload keeps a vehicle awake that would sleep by itself, ms: it goes on at the next wake, and a battery is finite. */
export const HOLD_MS = 900_000;

/** Uploads keep the vehicle awake for a while, are cut on its way to sleep, and begin again at a wake by connections of their own. */
export function takeToSleep(
  uploader: Pick<Uploader, "isSending" | "restart">,
  keeper: Pick<SleepKeeper, "addHold" | "addFirstStep" | "sleepsInMs" | "checkInLeftMs">,
  clock: Pick<Clock, "monotonicMs">,
): void {
  keeper.addHold(holdOf(uploader, keeper, clock));
  keeper.addFirstStep({
    name: "uploads",
    prepare: async () => uploader.restart(),
    resume: () => uploader.restart(),
  });
}

/** What sleep has to wait for, for people: a file that is on its way, for `HOLD_MS` at most, and in a check-in to its end. */
function holdOf(
  uploader: Pick<Uploader, "isSending">,
  keeper: Pick<SleepKeeper, "sleepsInMs" | "checkInLeftMs">,
  clock: Pick<Clock, "monotonicMs">,
): () => string | undefined {
  /** Since when it would be asleep without this, monotonic, ms. */
  let sinceMs: number | undefined;
  return () => {
    const isBedtime = keeper.sleepsInMs() === 0;
    if (!isBedtime) sinceMs = undefined;
    if (!uploader.isSending || keeper.checkInLeftMs() === 0) return undefined;
    if (isBedtime) sinceMs ??= clock.monotonicMs();
    if (sinceMs !== undefined && clock.monotonicMs() - sinceMs >= HOLD_MS) return undefined;
    return "an upload is on its way";
  };
}
