import type { OpenMetricsContentType } from "prom-client";
import type { MetricFacts, MetricSample } from "../core/metrics/metric.ts";
import type { MetricReading } from "../core/metrics/registry.ts";

/** Text format 0.0.4 of Prometheus, or OpenMetrics 1.0. */
export type TextFormat = "prometheus" | "openmetrics";

/** What of a reading is written. */
type Told = Pick<MetricReading, "samples"> & {
  readonly metric: Omit<MetricFacts, "unit"> & { readonly unit?: string | undefined };
};

/**
 * The readings as text. A counter ends in `_total`, an info in `_info`; a stateset is a gauge with a label for the state, which is what
 * both formats can say. Metrics without a sample are not there. There are no timestamps: node_exporter refuses a file with one.
 */
export async function metricsText(readings: readonly Told[], format: TextFormat): Promise<string> {
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  /** One that has been counted already. */
  class CountedHistogram extends Histogram {
    readonly #metric: { readonly name: string; readonly help: string };
    readonly #samples: readonly MetricSample[];

    constructor(facts: ConstructorParameters<typeof Histogram>[0], samples: readonly MetricSample[]) {
      super(facts);
      this.#metric = facts;
      this.#samples = samples;
    }

    /** What prom-client asks for. */
    async getForPromString() {
      const { name, help } = this.#metric;
      const values = this.#samples.map(({ labels, value, of }) => ({ metricName: `${name}_${of}`, labels, value }));
      return { name, help, type: "histogram", values };
    }
  }
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registry = format === "openmetrics" ? open : new Registry();
  const told = readings.filter(({ samples }) => samples.length > 0);
  for (const { metric, samples } of told) {
    const facts = { name: nameOf(metric), help: metric.help, labelNames: [...metric.labels], registers: [registry] };
    if (metric.type === "histogram") {
      new CountedHistogram(facts, samples);
    } else if (metric.type === "counter") {
      const counter = new Counter(facts);
      for (const { labels, value } of samples) counter.inc({ ...labels }, value);
    } else {
      const gauge = new Gauge(facts);
      for (const { labels, value } of samples) gauge.set({ ...labels }, value);
    }
  }
  const text = await registry.metrics();
  return format === "openmetrics" ? withUnits(text, told) : text;
}

function nameOf({ name, type }: Told["metric"]): string {
  if (type === "counter") return `${name}_total`;
  return type === "info" ? `${name}_info` : name;
}

/** prom-client writes no UNIT. It may stand beside TYPE, before the samples. */
function withUnits(text: string, told: readonly Told[]): string {
  const units = new Map(told.map(({ metric: { name, unit } }) => [name, unit]));
  return text.replaceAll(/^# TYPE (\S+) \S+$/gm, (line: string, name: string) => {
    const unit = units.get(name);
    return unit === undefined ? line : `${line}\n# UNIT ${name} ${unit}`;
  });
}
