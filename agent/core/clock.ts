/**
 * How far the wall clock can be believed, worst first: "unsynchronised" (boot default, may be 1970), "saved" (it goes on from a time of
 * an earlier boot, and so is behind by the time it was off), "rtc" (a battery-backed clock set it, or it was synchronised since the
 * boot, and nothing confirms it at present), "ntp" (the kernel has it disciplined, by whatever service), "gps" (set from a receiver).
 */
export const CLOCK_QUALITIES = ["unsynchronised", "saved", "rtc", "ntp", "gps"] as const;
export type ClockQuality = (typeof CLOCK_QUALITIES)[number];
/** 2025-01-01T00:00:00Z: an earlier wall time comes from a clock that nothing has set, ms since the Unix epoch. */
export const EARLIEST_SET_MS = 1_735_689_600_000;

/** A quality as the outbox and the broker carry it beside a record: what is saved is not synchronised either. */
export type RecordedQuality = Exclude<ClockQuality, "saved">;

/** Whether the time of somebody else can be held against a clock of this quality: "rtc" or better. */
export function isBelievable(quality: ClockQuality): boolean {
  return quality !== "unsynchronised" && quality !== "saved";
}

/** The clock of a bench, which goes by whatever time the machine has, as one with a battery-backed clock would. */
export function onBench(clock: Clock): Clock {
  return withQuality(clock, () => (clock.quality() === "saved" ? "rtc" : clock.quality()));
}

/** `clock`, of which somebody else says how far it can be believed. */
export function withQuality(clock: Clock, quality: () => ClockQuality): Clock {
  return {
    wallUs: () => clock.wallUs(),
    monotonicMs: () => clock.monotonicMs(),
    boottimeMs: () => clock.boottimeMs(),
    quality,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    every: (ms, tick) => clock.every(ms, tick),
  };
}

/** A machine that was suspended for less was not asleep, ms: what moves so little moves on one that runs, too. */
export const LEAST_SUSPENDED_MS = 1000;

/** For how long the machine was suspended since its boot, ms. */
export function suspendedMsOf(clock: Pick<Clock, "boottimeMs" | "monotonicMs">): number {
  return clock.boottimeMs() - clock.monotonicMs();
}

/** The quality as it goes beside a record. */
export function recordedQuality(quality: ClockQuality): RecordedQuality {
  return quality === "saved" ? "unsynchronised" : quality;
}

/**
 * Time as a part: nothing under agent/ reads the system clock or sets a timer except through this.
 *
 * Wall time steps; monotonic time never does, starts anywhere but is the same to all processes of a boot, and does not count suspend.
 */
export interface Clock {
  /** µs since the Unix epoch. */
  wallUs(): number;
  /** ms of the monotonic clock, with a fraction. */
  monotonicMs(): number;
  /**
   * ms as `monotonicMs` counts them, and the time in which the machine was suspended besides (CLOCK_BOOTTIME): for what must hold over a sleep.
   * No timer goes by it.
   */
  boottimeMs(): number;
  quality(): ClockQuality;
  /** Resolves after `ms`, or at once (without rejecting) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. Never keeps the process alive by itself. */
  every(ms: number, tick: () => void): () => void;
}
