import type { Metric } from "../../core/metrics/metric.ts";
import type { MetricRegistry } from "../../core/metrics/registry.ts";
import type { Status } from "../status-schema.ts";
import { BUS_METRICS } from "./bus-metrics.ts";
import { CONTROL_METRICS } from "./control-metrics.ts";
import { DEFENDER_METRICS } from "./defender-metrics.ts";
import { DIAGNOSTICS_METRICS } from "./diagnostics-metrics.ts";
import { FILES_METRICS } from "./files-metrics.ts";
import { LINK_METRICS } from "./link-metrics.ts";
import { PROCESS_METRICS } from "./process-metrics.ts";
import { PROGRAM_METRICS } from "./program-metrics.ts";
import { READER_METRICS } from "./reader-metrics.ts";
import { RECORD_METRICS } from "./record-metrics.ts";
import { SECURITY_METRICS } from "./security-metrics.ts";
import { SHADOW_METRICS } from "./shadow-metrics.ts";
import type { StatusMetric } from "./status-metric.ts";
import { TUNNEL_METRICS } from "./tunnel-metrics.ts";
import { VEHICLE_METRICS } from "./vehicle-metrics.ts";

/** Every metric that the status tells. */
const ALL: readonly StatusMetric[] = [
  ...BUS_METRICS,
  ...CONTROL_METRICS,
  ...DEFENDER_METRICS,
  ...DIAGNOSTICS_METRICS,
  ...FILES_METRICS,
  ...LINK_METRICS,
  ...PROCESS_METRICS,
  ...PROGRAM_METRICS,
  ...READER_METRICS,
  ...RECORD_METRICS,
  ...SECURITY_METRICS,
  ...SHADOW_METRICS,
  ...TUNNEL_METRICS,
  ...VEHICLE_METRICS,
];

/** Adds them to `registry`; `status` is asked once a reading, and with it `wallUs`, µs since the Unix epoch. */
export function addStatusMetrics(registry: MetricRegistry, status: () => Status, wallUs: () => number): void {
  let read: { readonly status: Status; readonly wallUs: number } | undefined;
  registry.beforeRead(() => {
    read = { status: status(), wallUs: wallUs() };
  });
  const metrics = ALL.map((metric): Metric => {
    return { ...metric, read: () => (read === undefined ? [] : metric.read(read.status, read.wallUs)) };
  });
  registry.add(...metrics);
}
