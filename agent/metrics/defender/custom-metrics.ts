import type { MetricReading } from "../../core/metrics/registry.ts";
import { matchesPattern } from "../../signals/signal-patterns.ts";

/** Custom metrics of a report; further ones are left out, and counted. */
const MAX_CUSTOM = 100;
/** Longest name that the service takes (AWS IoT API reference, CreateCustomMetric). */
const MAX_NAME = 128;

/** Numbers by the names that they have in the account. */
export type CustomMetrics = {
  readonly numbers: ReadonlyMap<string, number>;
  readonly leftOut: number;
};

/** What counts among the metrics, for the difference in the next report. */
export type Counts = ReadonlyMap<string, number>;

/**
 * The metrics that `patterns` name, each sample under a name of its own: that of the metric, and the values of its labels behind colons, with
 * `_` for what the service takes in no name. What counts is the difference to `before`: counters begin at 0 with the process, and one that is
 * not in it has counted nothing until then. One that went back is left out.
 */
export function customMetrics(
  readings: readonly MetricReading[],
  patterns: readonly string[],
  before: Counts,
): CustomMetrics & { readonly counts: Counts } {
  const numbers = new Map<string, number>();
  const counts = new Map<string, number>();
  let leftOut = 0;
  for (const { metric, samples } of readings) {
    if (metric.type === "info" || !patterns.some((pattern) => matchesPattern(pattern, metric.name))) continue;
    for (const { labels, value, of } of samples) {
      if (of === "bucket") continue;
      const name = nameOf(metric, labels, of);
      const last = before.get(name) ?? 0;
      const isCount = metric.type === "counter" || metric.type === "histogram";
      if (isCount) counts.set(name, value);
      if (isCount && value < last) continue;
      if (numbers.size >= MAX_CUSTOM || numbers.has(name)) leftOut += 1;
      else numbers.set(name, isCount ? value - last : value);
    }
  }
  return { numbers, leftOut, counts };
}

/** The patterns that name no metric. */
export function unknownPatterns(readings: readonly MetricReading[], patterns: readonly string[]): readonly string[] {
  return patterns.filter((pattern) => !readings.some(({ metric }) => matchesPattern(pattern, metric.name)));
}

function nameOf(
  { name, labels: names }: MetricReading["metric"],
  labels: Readonly<Record<string, string>>,
  of: "sum" | "count" | undefined,
): string {
  const parts = names.map((label) => `:${(labels[label] ?? "").replaceAll(/[^a-zA-Z0-9:_-]/g, "_")}`);
  return `${name}${of === undefined ? "" : `_${of}`}${parts.join("")}`.slice(0, MAX_NAME);
}
