import { AgentError } from "../errors.ts";
import type { Metric, MetricFacts, MetricSample } from "./metric.ts";

/** Most samples of a metric that are told; further ones are cut. 32 buses, and eight of each, fit. */
export const MAX_SAMPLES = 256;
/** Longest value of a label, characters; longer ones are cut. */
const MAX_LABEL_VALUE = 128;

const NAME = /^(causeway|process)(_[a-z0-9]+)+$/;
const LABEL = /^[a-z][a-z0-9_]*$/;
/** Endings that the text formats give themselves. */
const RESERVED_END = /_(total|created|info|bucket|count|sum)$/;
/** Labels with a meaning of their own in the text formats. */
const RESERVED_LABELS = ["le", "quantile"];

/** A metric and its numbers at one moment. */
export type MetricReading = { readonly metric: MetricFacts; readonly samples: readonly MetricSample[] };

/** Why a sample is not told: over the bound, no number, other labels than declared, labels of another sample; `failed`: its metric could not be read. */
type DropCause = "bound" | "value" | "labels" | "repeated" | "failed";

/**
 * What the parts of the agent can be asked for in numbers. Pull only: a part registers how it is read, and nothing is done until somebody
 * reads. A metric that cannot be read has no samples then, and the others are read all the same; what is left out is counted in
 * `causeway_metrics_dropped_samples`.
 */
export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #befores: (() => void)[] = [];
  readonly #dropped: Record<DropCause, number> = { bound: 0, value: 0, labels: 0, repeated: 0, failed: 0 };

  constructor() {
    this.add({
      name: "causeway_metrics_dropped_samples",
      help: "Samples that were left out of answers, by why; failed counts metrics that could not be read.",
      type: "counter",
      labels: ["cause"],
      read: () => Object.entries(this.#dropped).map(([cause, value]) => ({ labels: { cause }, value })),
    });
  }

  /** Throws `internal.bug` for a name that is taken or no good, and takes none of them then. */
  add(...metrics: readonly Metric[]): void {
    const names = new Set(this.#metrics.keys());
    for (const metric of metrics) {
      const problem = names.has(metric.name) ? "is there already" : problemOf(metric);
      if (problem !== undefined)
        throw new AgentError("internal.bug", { what: `metric ${metric.name}: ${problem}`, remedy: "report it" });
      names.add(metric.name);
    }
    for (const metric of metrics) this.#metrics.set(metric.name, metric);
  }

  /** `prepare` runs once before each `read`, so that metrics of one part are of one moment. What it throws comes out of `read`. */
  beforeRead(prepare: () => void): void {
    this.#befores.push(prepare);
  }

  /** All metrics with their numbers at this moment, by name. Those of no sample are there too. */
  read(): readonly MetricReading[] {
    for (const prepare of this.#befores) prepare();
    const own = "causeway_metrics_dropped_samples";
    const others = [...this.#metrics.values()].filter(({ name }) => name !== own);
    const readings = others.map((metric) => ({ metric, samples: this.#samplesOf(metric) }));
    // Last, so that what this reading left out is in it.
    const last = [...this.#metrics.values()]
      .filter(({ name }) => name === own)
      .map((metric) => ({ metric, samples: metric.read() }));
    return [...readings, ...last].toSorted((a, b) => (a.metric.name < b.metric.name ? -1 : 1));
  }

  #samplesOf(metric: Metric): readonly MetricSample[] {
    const told = new Map<string, MetricSample>();
    for (const sample of this.#readOf(metric)) {
      const cause = dropCauseOf(metric, sample, told.size);
      if (cause !== undefined) {
        this.#dropped[cause] += 1;
        continue;
      }
      const { value, of } = sample;
      const labels = Object.fromEntries(
        namesOf(metric, sample).map((label) => [label, labelValue(sample.labels[label])]),
      );
      const key = JSON.stringify([of, labels]);
      if (told.has(key)) this.#dropped.repeated += 1;
      else told.set(key, of === undefined ? { labels, value } : { labels, value, of });
    }
    return [...told.values()];
  }

  #readOf(metric: Metric): readonly MetricSample[] {
    try {
      return metric.read();
    } catch {
      // Counted, and told by its absence: telemetry about the agent must not end it.
      this.#dropped.failed += 1;
      return [];
    }
  }
}

function problemOf({ name, help, unit, type, labels }: Metric): string | undefined {
  if (!NAME.test(name)) return "the name is not causeway_... or process_... in snake case";
  if (RESERVED_END.test(name)) return "the name has an ending that the text formats give";
  if (unit !== undefined && !name.endsWith(`_${unit}`)) return `the name does not end in _${unit}`;
  if (help === "" || /[\n\\]/.test(help)) return "the help is no single sentence";
  const bad = labels.find((label) => !LABEL.test(label) || RESERVED_LABELS.includes(label));
  if (bad !== undefined) return `the label ${bad} is not fit`;
  if (new Set(labels).size < labels.length) return "a label is there twice";
  return type === "stateset" && labels.length === 0 ? "a stateset has no label for its states" : undefined;
}

function dropCauseOf(metric: Metric, sample: MetricSample, told: number): DropCause | undefined {
  const { labels, value, of } = sample;
  const isCount = metric.type === "counter" || metric.type === "histogram";
  if (!Number.isFinite(value) || (isCount && value < 0)) return "value";
  const names = Object.keys(labels);
  const wanted = namesOf(metric, sample);
  if (names.length !== wanted.length || !wanted.every((label) => names.includes(label))) return "labels";
  if ((of !== undefined) !== (metric.type === "histogram")) return "labels";
  return told >= MAX_SAMPLES ? "bound" : undefined;
}

/** The labels that a sample has to have. */
function namesOf({ labels }: Metric, { of }: MetricSample): readonly string[] {
  return of === "bucket" ? [...labels, "le"] : labels;
}

/** Without control characters, and cut. */
function labelValue(value: string): string {
  return value.replaceAll(/\p{Cc}/gu, "?").slice(0, MAX_LABEL_VALUE);
}
