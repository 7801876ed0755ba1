/** Bounds of an exponential backoff, ms. */
export type BackoffBounds = { readonly minMs: number; readonly maxMs: number };

/**
 * Delay before attempt `attempt` (0 for the first retry): full jitter, uniform in 0..min(maxMs, minMs * 2^attempt).
 *
 * `random` gives 0 <= x < 1. Source of the method: "Exponential Backoff And Jitter", AWS Architecture Blog, "Full Jitter".
 */
export function fullJitterMs(attempt: number, bounds: BackoffBounds, random: () => number): number {
  const ceilingMs = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * ceilingMs);
}
