import type { MetricReading } from "../../core/metrics/registry.ts";
import type { InterfaceCount, NetworkState } from "../../ports/network-state.ts";
import { type Counts, customMetrics, unknownPatterns } from "./custom-metrics.ts";
import { type ReportForm, reportBody } from "./report-body.ts";
import type { ReportMemory } from "./report-memory.ts";
import { trafficBetween } from "./traffic.ts";

export type ReportMakerParts = {
  readonly network: NetworkState;
  readonly readMetrics: () => Promise<readonly MetricReading[]>;
  readonly memory: Pick<ReportMemory, "next">;
  readonly settings: ReportForm & {
    /** Whose traffic counts; undefined for all. */
    readonly interfaces?: readonly string[] | undefined;
    /** Patterns over the names of metrics. */
    readonly custom: readonly string[];
  };
};

/** A report, and what becomes of the counts in it. */
export type MadeReport = {
  readonly id: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Lines of the kernel that were not understood, custom metrics beyond the bound, and patterns that name no metric. */
  readonly unread: number;
  readonly leftOut: number;
  readonly unknown: readonly string[];
  /** The next report counts from this one on. Call it unless the service has refused the report. */
  settle(): void;
};

/** Makes reports, each of which counts from the one before that was not refused. */
export class ReportMaker {
  readonly #parts: ReportMakerParts;
  #interfaces: readonly InterfaceCount[] = [];
  #counts: Counts = new Map();

  constructor(parts: ReportMakerParts) {
    this.#parts = parts;
  }

  async make(): Promise<MadeReport> {
    const { network, readMetrics, memory, settings } = this.#parts;
    const { interfaces: wanted, custom: patterns } = settings;
    const reading = await network.read();
    const metrics = patterns.length === 0 ? [] : await readMetrics();
    const interfaces = reading.interfaces.filter(({ name }) => wanted?.includes(name) ?? true);
    const { numbers: custom, counts, leftOut } = customMetrics(metrics, patterns, this.#counts);
    const id = memory.next();
    const traffic = trafficBetween(this.#interfaces, interfaces);
    return {
      id,
      body: reportBody({ reportId: id, network: reading, traffic, custom }, settings),
      unread: reading.unread,
      leftOut,
      unknown: unknownPatterns(metrics, patterns),
      settle: () => {
        this.#interfaces = interfaces;
        this.#counts = counts;
      },
    };
  }
}
