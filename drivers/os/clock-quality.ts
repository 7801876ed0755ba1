import { existsSync } from "node:fs";
import { type ClockQuality, EARLIEST_SET_MS } from "../../agent/core/clock.ts";
import { rtcsIn } from "./clock-rtc.ts";

/** systemd-timesyncd makes this file when it has set the clock from the network, and it does not outlive a boot (systemd-timesyncd.service(8)). */
const TIMESYNC_FILE = "/run/systemd/timesync/synchronized";
/**
 * The kernel's bound of the error, which says that nobody disciplines the clock (NTP_PHASE_LIMIT). By it and not by STA_UNSYNC, which
 * chrony leaves set when it keeps the kernel away from the RTC; timedatectl does the same (systemd, ntp_synced).
 */
const UNKNOWN_ERROR_US = 16_000_000;
/** How far the RTC and a clock that it has set may be apart at first, and come apart with the time since the boot. */
const RTC_ROUNDING_MS = 2000;
const RTC_DRIFT = 200e-6;
/** A held clock that moved by more against the monotonic one was set, or slept. */
const HELD_STEP_MS = 1000;
const LIFE_MS = 1000;
/** A clock that moved by more since the last look was set, and is not worth what it was. */
const SET_MS = 5;
/** Reading an RTC takes its time on a slow bus. */
const RTC_LIFE_MS = 60_000;

/** What the quality of the clock is told by. */
export type ClockQualityParts = {
  readonly timesyncFile?: string;
  readonly rtcFolder?: string;
  /** Largest error of the wall clock by the kernel, µs; undefined where it cannot be asked. */
  readonly kernelErrorUs?: () => number | undefined;
  /** ms since the Unix epoch. */
  readonly wallMs: () => number;
  /** ms since the boot. */
  readonly monotonicMs: () => number;
};

/**
 * How far the machine's wall clock can be believed, by what is known and not by how plausible its date is: whether the kernel has it
 * disciplined (by timesyncd, chrony, ntpd, PTP or any other), whether it was so since the boot, whether a battery-backed clock set it.
 * Where the kernel cannot be asked only systemd-timesyncd's word counts. Looks at most once a second.
 */
export function clockQuality(parts: ClockQualityParts): () => ClockQuality {
  const { timesyncFile = TIMESYNC_FILE, kernelErrorUs = () => undefined, wallMs, monotonicMs } = parts;
  const rtc = rtcReader(parts);
  /** Wall less monotonic time when the clock was last known to be right; at first look an earlier process may have known. */
  let heldMs: number | undefined;
  let isFirst = true;
  const look = (): ClockQuality => {
    const errorUs = kernelErrorUs();
    const hasTimesync = existsSync(timesyncFile);
    const offsetMs = wallMs() - monotonicMs();
    const hasMoved = heldMs !== undefined && Math.abs(offsetMs - heldMs) >= HELD_STEP_MS;
    const wasRight = isFirst ? hasTimesync : heldMs !== undefined && !hasMoved;
    const hasRtcTime = (): boolean => (hasMoved ? rtc.renewed() : rtc.value());
    isFirst = false;
    heldMs = offsetMs;
    if (errorUs === undefined ? hasTimesync : errorUs < UNKNOWN_ERROR_US) return "ntp";
    if (wallMs() >= EARLIEST_SET_MS && (wasRight || hasRtcTime())) return "rtc";
    heldMs = undefined;
    return wallMs() >= EARLIEST_SET_MS ? "saved" : "unsynchronised";
  };
  const held = cached(look, LIFE_MS, monotonicMs);
  return () => {
    const isSet = heldMs !== undefined && Math.abs(wallMs() - monotonicMs() - heldMs) > SET_MS;
    return isSet ? held.renewed() : held.value();
  };
}

/** Whether an RTC set this clock at the boot, and still says the same. */
function rtcReader({ rtcFolder, wallMs, monotonicMs }: ClockQualityParts): Cached<boolean> {
  const look = (): boolean => {
    const toleranceMs = RTC_ROUNDING_MS + monotonicMs() * RTC_DRIFT;
    return rtcsIn(rtcFolder).some((rtc) => {
      const rtcMs = rtc.hasSetClock ? rtc.wallMs() : undefined;
      return rtcMs !== undefined && Math.abs(rtcMs - wallMs()) <= toleranceMs;
    });
  };
  return cached(look, RTC_LIFE_MS, monotonicMs);
}

type Cached<T> = { readonly value: () => T; readonly renewed: () => T };

function cached<T>(look: () => T, lifeMs: number, monotonicMs: () => number): Cached<T> {
  let held: { readonly value: T; readonly atMs: number } | undefined;
  const renewed = (): T => {
    held = { value: look(), atMs: monotonicMs() };
    return held.value;
  };
  const value = (): T => (held === undefined || monotonicMs() - held.atMs >= lifeMs ? renewed() : held.value);
  return { value, renewed };
}
