import { counter, metric, type StatusMetric } from "./status-metric.ts";

/** Of who tries what with the vehicle. */
export const SECURITY_METRICS: readonly StatusMetric[] = [
  metric(
    "counter",
    { name: "security_events", help: "What happened, by event and by its reason, empty where the event says it." },
    ["event", "reason"],
    ({ security }) =>
      (security?.occurrences ?? []).map(({ event, reason, count }) => ({ labels: { event, reason }, value: count })),
  ),
  counter({ name: "security_told_records", help: "Records of security events." }, ({ security }) => security?.told),
  counter(
    { name: "security_untold_events", help: "Security events that no record counts." },
    ({ security }) => security?.untold,
  ),
];
