import type { CollectRule } from "../../../config/schema.ts";
import type { MappedSignal } from "./map-signals.ts";

/**
 * How often a mapping wants its signals (interval_ms and on_change), as rules of collection by VSS path. Where a signal has several paths the
 * shortest interval comes last, and so counts. An interval with on_change has no rule of its own: it takes every value of the interval.
 */
export function mappedRules(mapped: readonly MappedSignal[]): readonly CollectRule[] {
  const wanted = [...new Map(mapped.map((one) => [one.vss.path, one])).values()];
  wanted.sort((a, b) => b.intervalMs - a.intervalMs);
  return wanted.map(({ vss, intervalMs, onChange }): CollectRule => {
    const signals = vss.path;
    return onChange && intervalMs === 0 ? { signals, mode: "on-change" } : { signals, mode: "every", ms: intervalMs };
  });
}
