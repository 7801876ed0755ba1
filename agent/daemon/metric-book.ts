import type { Clock } from "../core/clock.ts";
import type { Metric } from "../core/metrics/metric.ts";
import { MetricRegistry } from "../core/metrics/registry.ts";
import { StartTime } from "../core/start-time.ts";
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

  /** The status of which most metrics are; `startedAtMs` is the start of the process on the clock's monotonic time. Say it once. */
  tellStatus(status: () => Status, clock: Clock, startedAtMs: number): void {
    const start = new StartTime(clock, startedAtMs);
    this.#addOthers = async () => {
      const { addStatusMetrics } = await import("../local-api/status-metrics/all-metrics.ts");
      const { addProcessMetrics } = await import("./process-metrics.ts");
      addStatusMetrics(this.#registry, status, () => clock.wallUs());
      addProcessMetrics(this.#registry, start);
    };
  }

  /** The registry with everything in it. */
  async all(): Promise<MetricRegistry> {
    this.#isAdding ??= this.#addOthers?.();
    await this.#isAdding;
    return this.#registry;
  }
}
