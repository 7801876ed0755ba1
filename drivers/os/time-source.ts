import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import type { Clock } from "../../agent/core/clock.ts";
import { type ClockQualityParts, clockQuality } from "./clock-quality.ts";

/** Longest delay setTimeout takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** /proc/uptime has hundredths of a second; the addon is right to a few µs. A move below that is none. */
const UPTIME_GRAIN_MS = 25;
const SUSPENDED_GRAIN_MS = 1;
/** What was read with a longer pause in it is not believed. */
const MOST_PAUSE_MS = 5;

/** Where a `systemClock` looks. `kernelErrorUs` and `suspendedUs` come from the composition, the rest is for tests. */
export type TimeSourceParts = Pick<ClockQualityParts, "kernelErrorUs" | "timesyncFile" | "rtcFolder"> & {
  /** How long the machine was suspended since its boot, µs, NaN where that cannot be said now; undefined where the kernel cannot be asked, and then /proc/uptime says it. */
  readonly suspendedUs?: () => number | undefined;
  /** s since the boot with what was suspended (`os.uptime`). */
  readonly uptimeSeconds?: () => number;
  /** ms since the Unix epoch. */
  readonly wallMs?: () => number;
  /** ns of the monotonic clock. */
  readonly monotonicNs?: () => bigint;
};

/** The machine's clocks. `wallUs` follows every step of the wall clock; its µs come from the monotonic clock. */
export function systemClock(parts: TimeSourceParts = {}): Clock {
  const { wallMs = () => Date.now(), monotonicNs = () => process.hrtime.bigint() } = parts;
  const monotonicMs = (): number => Number(monotonicNs()) / 1e6;
  return {
    wallUs: wallReader(wallMs, monotonicNs),
    monotonicMs,
    boottimeMs: boottimeReader(parts, monotonicMs),
    quality: clockQuality({ ...parts, wallMs, monotonicMs }),
    sleep,
    every,
  };
}

/** CPU time that this process has used, in all its threads, ms (getrusage(2)). */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Kernel boot id, 32 hexadecimal digits (random(4)): differs after every boot. */
export function bootId(file = "/proc/sys/kernel/random/boot_id"): string {
  return readFileSync(file, "utf8").trim().replaceAll("-", "");
}

/** Monotonic time and what was suspended. That changes in steps only, so the sum runs as evenly as the monotonic clock. */
function boottimeReader(parts: TimeSourceParts, monotonicMs: () => number): () => number {
  const { suspendedUs = () => undefined, uptimeSeconds = uptime } = parts;
  let suspendedMs = 0;
  /** NaN, which is no step, where there was a pause in the reading. */
  const byUptimeMs = (nowMs: number): number => {
    const readMs = uptimeSeconds() * 1000;
    return monotonicMs() - nowMs > MOST_PAUSE_MS ? Number.NaN : readMs - nowMs;
  };
  return () => {
    const nowMs = monotonicMs();
    const exactUs = suspendedUs();
    const readMs = exactUs === undefined ? byUptimeMs(nowMs) : exactUs / 1000;
    const grainMs = exactUs === undefined ? UPTIME_GRAIN_MS : SUSPENDED_GRAIN_MS;
    if (Math.abs(readMs - suspendedMs) >= grainMs) suspendedMs = Math.max(0, readMs);
    return nowMs + suspendedMs;
  };
}

/**
 * Date.now has whole milliseconds only. The distance between the two clocks adds the rest, and is corrected whenever the sum leaves
 * the millisecond that Date.now gives: so a step or a slew of the wall clock is followed at once.
 */
function wallReader(wallMs: () => number, monotonicNs: () => bigint): () => number {
  let distanceUs = Number.NaN;
  return () => {
    // The monotonic clock first: a pause between the two reads then makes the sum too small, never the time go back.
    const monotonicUs = Math.floor(Number(monotonicNs()) / 1000);
    const floorUs = wallMs() * 1000;
    const us = monotonicUs + distanceUs;
    if (us >= floorUs && us < floorUs + 1000) return us;
    const nearestUs = us >= floorUs + 1000 && us < floorUs + 2000 ? floorUs + 999 : floorUs;
    distanceUs = nearestUs - monotonicUs;
    return nearestUs;
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    let restMs = ms;
    const wait = (): NodeJS.Timeout => {
      const partMs = Math.min(Math.max(0, restMs), MAX_TIMER_MS);
      restMs -= partMs;
      return setTimeout(() => {
        if (restMs > 0) timer = wait();
        else finish();
      }, partMs);
    };
    let timer = wait();
    signal?.addEventListener("abort", finish, { once: true });
  });
}

function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, Math.min(ms, MAX_TIMER_MS));
  timer.unref();
  return () => clearInterval(timer);
}
