import type { Metric } from "../core/metrics/metric.ts";
import { MetricRegistry } from "../core/metrics/registry.ts";
import type { Status } from "../local-api/status-schema.ts";

/** The metrics of this process. What the status tells of them is loaded once somebody asks, not before. */
export class MetricBook {
  readonly #registry = new MetricRegistry();
  #addOthers: (() => Promise<void>) | undefined;
  #isAdding: Promise<void> | undefined;

  /** See `MetricRegistry.add`. */
  add(...metrics: readonly Metric[]): void {
    this.#registry.add(...metrics);
  }

  /** The status of which most metrics are; `wallUs` gives µs since the Unix epoch. Say it once. */
  tellStatus(status: () => Status, wallUs: () => number): void {
    this.#addOthers = async () => {
      const { addStatusMetrics } = await import("../local-api/status-metrics/all-metrics.ts");
      const { addProcessMetrics } = await import("./process-metrics.ts");
      addStatusMetrics(this.#registry, status, wallUs);
      addProcessMetrics(this.#registry);
    };
  }

  /** The registry with everything in it. */
  async all(): Promise<MetricRegistry> {
    this.#isAdding ??= this.#addOthers?.();
    await this.#isAdding;
    return this.#registry;
  }
}
