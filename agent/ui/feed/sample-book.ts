import type { DescribedSignal, Sample, SamplesLine } from "../../local-api/samples-schema.ts";

/** What was told of signals in one run of the stream: who they are, and the newest sample of each. */
export class SampleBook {
  /** Counts the runs: the numbers of signals mean something else in each. */
  run = 0;
  #signals: DescribedSignal[] = [];
  #newest = new Map<number, { readonly t: number; readonly sample: Sample }>();

  begin(): void {
    this.run += 1;
    this.#signals = [];
    this.#newest.clear();
  }

  take({ t, signals, samples }: SamplesLine): void {
    if (signals !== undefined) this.#signals.push(...signals);
    for (const sample of samples) this.#newest.set(sample[0], { t, sample });
  }

  /** For a tab that has just come. */
  *snapshot(): Generator<readonly [kind: string, value: unknown]> {
    yield ["catalogue", { run: this.run, signals: this.#signals, isWhole: true }];
    const entries = [...this.#newest.values()];
    const t = entries.at(-1)?.t;
    if (t === undefined) return;
    const samples = entries.map((entry) => {
      const [n, ms, ...rest] = entry.sample;
      return [n, Math.round((ms + (entry.t - t) * 1000) * 10) / 10, ...rest];
    });
    yield ["samples", { run: this.run, t, samples }];
  }
}
