import type { MetricSample } from "./metric.ts";

/** Values in buckets, as OpenMetrics has them: each bucket counts what is at most its bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** `bounds` ascend, in the unit of the metric; a bucket without a bound follows them. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Counts a value, which is not negative. */
  note(value: number): void {
    const at = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[at < 0 ? this.#bounds.length : at] += 1;
    this.#sum += value;
  }

  /** The samples of a metric of the type "histogram" with `labels`; none before the first value. */
  samples(labels: MetricSample["labels"]): readonly MetricSample[] {
    let count = 0;
    const buckets = [...this.#bounds.map(canonical), "+Inf"].map((le, at): MetricSample => {
      count += this.#counts[at];
      return { labels: { ...labels, le }, value: count, of: "bucket" };
    });
    if (count === 0) return [];
    return [...buckets, { labels, value: this.#sum, of: "sum" }, { labels, value: count, of: "count" }];
  }
}

/** OpenMetrics 1.0, "canonical numbers": 1 is 1.0. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
