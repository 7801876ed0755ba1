import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

/** Of the shadow that has the state of the vehicle. */
export const SHADOW_METRICS: readonly StatusMetric[] = [
  counter(
    { name: "shadow_updates", help: "Updates of the shadow that were taken." },
    ({ shadows }) => shadows?.state?.updates,
  ),
  gauge(
    { name: "shadow_day_updates", help: "Updates in the last 24 hours of running time." },
    ({ shadows }) => shadows?.state?.updatesToday,
  ),
  counter({ name: "shadow_reads", help: "Times that the shadow was read." }, ({ shadows }) => shadows?.state?.reads),
  metric(
    "counter",
    { name: "shadow_failures", help: "Updates that were not taken, by why." },
    ["cause"],
    ({ shadows }) =>
      byLabel("cause", [
        ["conflict", shadows?.state?.conflicts],
        ["other", shadows?.state?.failures],
      ]),
  ),
];
