/** Bounds of an exponential backoff, ms. */
export type BackoffBounds = { readonly minMs: number; readonly maxMs: number };

/** Longest delay before attempt `attempt` (0 for the first retry), ms: `minMs`, doubled for each retry before it, up to `maxMs`. */
export function backoffMs(attempt: number, { minMs, maxMs }: BackoffBounds): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
}

/**
 * Delay before attempt `attempt` (0 for the first retry): full jitter, uniform in 0..`backoffMs`.
 *
 * `random` gives 0 <= x < 1. Source of the method: "Exponential Backoff And Jitter", AWS Architecture Blog, "Full Jitter".
 */
export function fullJitterMs(attempt: number, bounds: BackoffBounds, random: () => number): number {
  return Math.floor(random() * backoffMs(attempt, bounds));
}
