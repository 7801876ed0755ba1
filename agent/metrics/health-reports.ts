import type { Clock } from "../core/clock.ts";
import type { MetricReading, MetricRegistry } from "../core/metrics/registry.ts";
import type { HealthReport, HealthSample } from "../telemetry/record/encode/health.ts";

export type HealthReportsParts = {
  readonly all: () => Promise<MetricRegistry>;
  readonly send: (report: HealthReport) => void;
  readonly everyMs: number;
  /** Start of the process on the clock's monotonic time. */
  readonly startedAtMs: number;
  readonly clock: Clock;
};

/**
 * Reports how the agent does, again and again, and once more at a stop in order. A counter is told where it has grown, with what it has
 * grown by; what only says that a state is not in force is left out.
 */
export class HealthReports {
  readonly #parts: HealthReportsParts;
  #number = 0;
  #beforeMs: number;
  #before: ReadonlyMap<string, number> = new Map();

  constructor(parts: HealthReportsParts) {
    this.#parts = parts;
    this.#beforeMs = parts.startedAtMs;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal);
      await this.report();
    }
  }

  /** Sends a report now. Rejects with what the reading throws. */
  async report(): Promise<void> {
    const { all, send, clock, startedAtMs } = this.#parts;
    const readings = (await all()).read();
    const nowMs = clock.monotonicMs();
    const timeUs = clock.wallUs();
    this.#number += 1;
    send({
      startUs: Math.round(timeUs - (nowMs - startedAtMs) * 1000),
      number: this.#number,
      periodMs: Math.round(nowMs - this.#beforeMs),
      samples: readings.flatMap((reading) => this.#toldOf(reading)),
      timeUs,
    });
    this.#beforeMs = nowMs;
    this.#before = countersOf(readings);
  }

  #toldOf({ metric, samples }: MetricReading): readonly HealthSample[] {
    const { name, type } = metric;
    const all = samples.map((sample) => ({ name, ...sample, delta: undefined }));
    if (type === "gauge" || type === "info") return all;
    if (type === "stateset") return all.filter(({ value }) => value !== 0);
    return all.map((sample) => ({ ...sample, delta: this.#grownBy(sample) })).filter(({ delta }) => delta > 0);
  }

  /** A counter that is lower than before has begun again: all of it is new. */
  #grownBy(sample: Pick<HealthSample, "name" | "labels" | "value">): number {
    const before = this.#before.get(keyOf(sample)) ?? 0;
    return sample.value >= before ? sample.value - before : sample.value;
  }
}

function countersOf(readings: readonly MetricReading[]): ReadonlyMap<string, number> {
  const counters = readings.filter(({ metric }) => metric.type === "counter");
  return new Map(
    counters.flatMap(({ metric: { name }, samples }) =>
      samples.map((sample) => [keyOf({ name, ...sample }), sample.value] as const),
    ),
  );
}

/** The registry gives labels in the order in which the metric names them. */
function keyOf({ name, labels }: Pick<HealthSample, "name" | "labels">): string {
  return JSON.stringify([name, labels]);
}
