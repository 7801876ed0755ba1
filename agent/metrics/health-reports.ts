import type { Clock } from "../core/clock.ts";
import type { MetricReading, MetricRegistry } from "../core/metrics/registry.ts";
import { StartTime } from "../core/start-time.ts";
import type { HealthReport, HealthSample } from "../telemetry/record/encode/health.ts";

/** How late a report may be after a suspend, ms: no timer goes on in one. */
const LOOK_MS = 60_000;

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
  readonly #start: StartTime;
  #number = 0;
  /** On the time since the boot, as a vehicle sleeps. */
  #beforeMs: number;
  #before: ReadonlyMap<string, number> = new Map();

  constructor(parts: HealthReportsParts) {
    this.#parts = parts;
    const { clock, startedAtMs } = parts;
    this.#start = new StartTime(clock, startedAtMs);
    this.#beforeMs = clock.boottimeMs() - (clock.monotonicMs() - startedAtMs);
  }

  /** Reports since start. */
  get count(): number {
    return this.#number;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs } = this.#parts;
    let dueMs = clock.boottimeMs() + everyMs;
    while (!signal.aborted) {
      await clock.sleep(Math.min(dueMs - clock.boottimeMs(), LOOK_MS), signal);
      if (!signal.aborted && clock.boottimeMs() < dueMs) continue;
      await this.report();
      dueMs = clock.boottimeMs() + everyMs;
    }
  }

  /** Sends a report now. Rejects with what the reading throws. */
  async report(): Promise<void> {
    const { all, send, clock } = this.#parts;
    const readings = (await all()).read();
    const nowMs = clock.boottimeMs();
    const timeUs = clock.wallUs();
    this.#number += 1;
    send({
      startUs: this.#start.us(),
      number: this.#number,
      periodMs: Math.round(nowMs - this.#beforeMs),
      samples: readings.flatMap((reading) => this.#toldOf(reading)),
      timeUs,
    });
    this.#beforeMs = nowMs;
    // A counter that could not be read this time is no new one the next.
    this.#before = new Map([...this.#before, ...countersOf(readings)]);
  }

  #toldOf({ metric, samples }: MetricReading): readonly HealthSample[] {
    const { name, type } = metric;
    if (type === "counter" || type === "histogram") {
      return countsOf({ metric, samples })
        .map((count) => ({ ...count, delta: this.#grownBy(count) }))
        .filter(({ delta }) => delta > 0);
    }
    const all = samples.map(({ labels, value }) => ({ name, labels, value, delta: undefined }));
    if (type === "gauge" || type === "info") return all;
    return all.filter(({ value }) => value !== 0);
  }

  /** A counter that is lower than before has begun again: all of it is new. */
  #grownBy(sample: Pick<HealthSample, "name" | "labels" | "value">): number {
    const before = this.#before.get(keyOf(sample)) ?? 0;
    return sample.value >= before ? sample.value - before : sample.value;
  }
}

function countersOf(readings: readonly MetricReading[]): ReadonlyMap<string, number> {
  return new Map(readings.flatMap(countsOf).map((count) => [keyOf(count), count.value] as const));
}

/** What counts in a reading: of a histogram sum and count, as its buckets would cost more than they say. */
function countsOf({ metric: { name, type }, samples }: MetricReading): readonly Count[] {
  if (type === "counter") return samples.map(({ labels, value }) => ({ name, labels, value }));
  if (type !== "histogram") return [];
  const told = samples.filter(({ of }) => of !== "bucket");
  return told.map(({ labels, value, of }) => ({ name: `${name}_${of}`, labels, value }));
}

type Count = Pick<HealthSample, "name" | "labels" | "value">;

/** The registry gives labels in the order in which the metric names them. */
function keyOf({ name, labels }: Pick<HealthSample, "name" | "labels">): string {
  return JSON.stringify([name, labels]);
}
