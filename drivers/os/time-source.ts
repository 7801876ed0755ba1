import { existsSync, readFileSync } from "node:fs";
import type { Clock, ClockQuality } from "../../agent/core/clock.ts";

/** systemd-timesyncd makes this file when it has set the clock from the network, and it does not outlive a boot (systemd-timesyncd.service(8)). */
const TIMESYNC_FILE = "/run/systemd/timesync/synchronized";
/** 2025-01-01T00:00:00Z: an earlier wall time comes from a clock that nothing has set. */
const EARLIEST_SET_MS = 1_735_689_600_000;
const QUALITY_LIFE_MS = 1000;
/** Longest delay setTimeout takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Where a `systemClock` looks, for tests. */
export type TimeSourceParts = {
  readonly timesyncFile?: string;
  /** ms since the Unix epoch. */
  readonly wallMs?: () => number;
  /** ns of the monotonic clock. */
  readonly monotonicNs?: () => bigint;
};

/** The machine's clocks. `wallUs` follows every step of the wall clock; its µs come from the monotonic clock. */
export function systemClock(parts: TimeSourceParts = {}): Clock {
  const {
    timesyncFile = TIMESYNC_FILE,
    wallMs = () => Date.now(),
    monotonicNs = () => process.hrtime.bigint(),
  } = parts;
  const monotonicMs = (): number => Number(monotonicNs()) / 1e6;
  return {
    wallUs: wallReader(wallMs, monotonicNs),
    monotonicMs,
    quality: qualityReader(timesyncFile, wallMs, monotonicMs),
    sleep,
    every,
  };
}

/** Kernel boot id, 32 hexadecimal digits (random(4)): differs after every boot. */
export function bootId(file = "/proc/sys/kernel/random/boot_id"): string {
  return readFileSync(file, "utf8").trim().replaceAll("-", "");
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

function qualityReader(timesyncFile: string, wallMs: () => number, monotonicMs: () => number): () => ClockQuality {
  let quality: ClockQuality = "unsynchronised";
  let readAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = monotonicMs();
    if (nowMs - readAtMs < QUALITY_LIFE_MS) return quality;
    readAtMs = nowMs;
    if (existsSync(timesyncFile)) quality = "ntp";
    else quality = wallMs() >= EARLIEST_SET_MS ? "rtc" : "unsynchronised";
    return quality;
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
