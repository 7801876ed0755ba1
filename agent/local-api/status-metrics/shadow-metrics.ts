import { byLabel, counter, gauge, metric, type StatusMetric, stateset } from "./status-metric.ts";

/** Of the shadow that has the state of the vehicle. */
export const SHADOW_METRICS: readonly StatusMetric[] = [
  stateset(
    { name: "shadow_state", help: "How far the shadow of the state is." },
    ["unread", "in-step", "behind", "refused"],
    ({ shadows }) => shadows?.state?.state,
  ),
  counter(
    { name: "shadow_updates", help: "Updates of the shadow that were taken." },
    ({ shadows }) => shadows?.state?.updates,
  ),
  gauge(
    {
      name: "shadow_day_updates",
      help: "Updates of the 24 hours that began with the first of them, by the time since the boot.",
    },
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
