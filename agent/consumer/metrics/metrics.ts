import type { Histogram } from "../../core/metrics/histogram.ts";

/** A number with its name, for `metricsText`; with `labels` one of several under the name. */
export type Metric = {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge";
  readonly values: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
};

/** A histogram with its name. */
export type NamedHistogram = { readonly name: string; readonly help: string; readonly histogram: Histogram };

/** The text format of Prometheus, version 0.0.4. Names are of ours; label values may hold anything. */
export function metricsText(metrics: readonly Metric[], histograms: readonly NamedHistogram[]): string {
  const simple = metrics.flatMap(({ name, help, kind, values }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${kind}`,
    ...values.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}`),
  ]);
  const others = histograms.flatMap(({ name, help, histogram }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} histogram`,
    ...linesOf(name, histogram),
  ]);
  return `${[...simple, ...others].join("\n")}\n`;
}

function linesOf(name: string, histogram: Histogram): readonly string[] {
  return histogram.samples({}).map(({ labels, value, of }) => `${name}_${of}${labelText(labels)} ${value}`);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, escaped)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
