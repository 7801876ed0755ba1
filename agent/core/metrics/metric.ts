/**
 * What a metric is: counts only grow until the process ends; a stateset has one sample a state, of which those in force are 1; an info is 1; a
 * histogram has cumulative buckets, their sum and their count, each of which is a count.
 */
export type MetricType = "counter" | "gauge" | "stateset" | "info" | "histogram";

/** One number of a metric. `labels` has exactly the labels that the metric names, and `le` in a bucket. */
export type MetricSample = {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Which part of a histogram it is; absent in any other metric. */
  readonly of?: "bucket" | "sum" | "count" | undefined;
};

/** What is said of a metric, beside its numbers. Names follow OpenMetrics 1.0. */
export type MetricFacts = {
  /** `causeway_...` or `process_...`, snake case, the unit last; a counter without `_total`, an info without `_info`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** A base unit in the plural, with which the name ends. */
  readonly unit?: "bytes" | "seconds" | "ratio" | "metres" | undefined;
  readonly type: MetricType;
  /** Names of labels. Values come from the configuration or a closed list, never from what is heard. */
  readonly labels: readonly string[];
};

/** A number, or several by label, with its name. */
export type Metric = MetricFacts & {
  /** The numbers at this moment: none where nothing is known. Cheap, and without effect. */
  read(): readonly MetricSample[];
};
