/** Upper bounds of the buckets of a commit's time, s. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Times in buckets, as Prometheus has them: each bucket counts what is at most its bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = COMMIT_BUCKETS) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  note(value: number): void {
    const at = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[at < 0 ? this.#bounds.length : at] += 1;
    this.#sum += value;
  }

  lines(name: string): readonly string[] {
    let count = 0;
    const buckets = [...this.#bounds, "+Inf"].map((bound, at) => {
      count += this.#counts[at];
      return `${name}_bucket{le="${bound}"} ${count}`;
    });
    return [...buckets, `${name}_sum ${this.#sum}`, `${name}_count ${count}`];
  }
}

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
    ...histogram.lines(name),
  ]);
  return `${[...simple, ...others].join("\n")}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, escaped)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
