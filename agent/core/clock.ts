/**
 * How far the wall clock can be believed, worst first: "unsynchronised" (boot default, may be 1970), "rtc" (a battery-backed
 * clock set it, nothing has confirmed it since), "ntp" (disciplined by a network time source), "gps" (set from a receiver).
 */
export const CLOCK_QUALITIES = ["unsynchronised", "rtc", "ntp", "gps"] as const;
export type ClockQuality = (typeof CLOCK_QUALITIES)[number];

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
  quality(): ClockQuality;
  /** Resolves after `ms`, or at once (without rejecting) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. Never keeps the process alive by itself. */
  every(ms: number, tick: () => void): () => void;
}
