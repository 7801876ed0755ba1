import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const HEALTH = { startUs: 1, number: 2, periodMs: 3, samples: 4, part: 5, parts: 6, timeUs: 7 } as const;
const SAMPLE = { name: 1, labels: 2, value: 3, delta: 4 } as const;
const LABEL = { key: 1, value: 2 } as const;

/** One number of the agent. */
export type HealthSample = {
  /** Of its metric: OpenMetrics, a counter without `_total`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of a counter: since the start of the process. */
  readonly value: number;
  /** Of a counter: since the report before, or the start of the process. Undefined for any other. */
  readonly delta: number | undefined;
};

/** How the agent does. */
export type HealthReport = {
  /** When the process started, µs since the Unix epoch by the clock of the report; counters began at 0 then. */
  readonly startUs: number;
  /** Of this process, from 1. */
  readonly number: number;
  /** What the deltas are of. */
  readonly periodMs: number;
  /** Counters that have grown, and everything else. */
  readonly samples: readonly HealthSample[];
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** A part of a report that is too long for one record; `part` counts from 0. */
export type HealthPart = HealthReport & { readonly part: number; readonly parts: number };

/** The parts of a report, each of which `fits`, or holds one sample. */
export function healthParts(report: HealthReport, fits: (part: HealthPart) => boolean): readonly HealthPart[] {
  const chunks = chunksOf(report.samples, (samples) => fits({ ...report, samples, part: 1, parts: 2 }));
  return chunks.map((samples, part) => ({ ...report, samples, part, parts: chunks.length }));
}

function chunksOf(
  samples: readonly HealthSample[],
  fits: (samples: readonly HealthSample[]) => boolean,
): readonly (readonly HealthSample[])[] {
  if (samples.length <= 1 || fits(samples)) return [samples];
  const middle = Math.ceil(samples.length / 2);
  return [...chunksOf(samples.slice(0, middle), fits), ...chunksOf(samples.slice(middle), fits)];
}

/** Writes the `Health` message as field `field`. */
export function writeHealth(writer: ProtobufWriter, field: number, report: HealthPart): void {
  writer.begin(field, 64 + report.samples.length * 64);
  writer.sintField(HEALTH.startUs, report.startUs);
  writer.uintField(HEALTH.number, report.number);
  writer.uintField(HEALTH.periodMs, report.periodMs);
  for (const { name, labels, value, delta } of report.samples) {
    writer.begin(HEALTH.samples, 64);
    writer.stringField(SAMPLE.name, name);
    for (const [label, text] of Object.entries(labels)) {
      writer.begin(SAMPLE.labels, 32);
      writer.stringField(LABEL.key, label);
      writer.stringField(LABEL.value, text);
      writer.end();
    }
    writer.doubleField(SAMPLE.value, value);
    if (delta !== undefined) writer.presentDoubleField(SAMPLE.delta, delta);
    writer.end();
  }
  writer.uintField(HEALTH.part, report.part);
  writer.uintField(HEALTH.parts, report.parts);
  writer.sintField(HEALTH.timeUs, report.timeUs);
  writer.end();
}
