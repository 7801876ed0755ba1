import type { MetricSample } from "../../core/metrics/metric.ts";
import type { ReportedShadowStatus } from "../shadows-status.ts";
import type { Status } from "../status-schema.ts";
import { metric, type StatusMetric } from "./status-metric.ts";

const STATES: readonly ReportedShadowStatus["state"][] = ["unread", "in-step", "behind", "refused"];
const SETTINGS = ["unread", "none", "trying", "in-force", "refused", "taken-back", "replaced"] as const;

/** Of the shadows that the agent keeps, by what they are for. */
export const SHADOW_METRICS: readonly StatusMetric[] = [
  metric("stateset", { name: "shadow_state", help: "How far a shadow is." }, ["shadow", "state"], (status) =>
    ofEach(status, (shadow) => STATES.map((state) => [{ state }, state === shadow.state ? 1 : 0] as const)),
  ),
  metric("counter", { name: "shadow_updates", help: "Updates of a shadow that were taken." }, ["shadow"], (status) =>
    ofEach(status, ({ updates }) => [[{}, updates]]),
  ),
  metric(
    "gauge",
    {
      name: "shadow_day_updates",
      help: "Updates of the 24 hours that began with the first of them, by the time since the boot.",
    },
    ["shadow"],
    (status) => ofEach(status, ({ updatesToday }) => [[{}, updatesToday]]),
  ),
  metric("counter", { name: "shadow_reads", help: "Times that a shadow was read." }, ["shadow"], (status) =>
    ofEach(status, ({ reads }) => [[{}, reads]]),
  ),
  metric(
    "counter",
    { name: "shadow_failures", help: "Requests to a shadow that did not go well, by why." },
    ["shadow", "cause"],
    (status) =>
      ofEach(status, ({ conflicts, failures }) => [
        [{ cause: "conflict" }, conflicts],
        [{ cause: "other" }, failures],
      ]),
  ),
  metric(
    "stateset",
    { name: "shadow_settings", help: "How the settings do that the shadow desires." },
    ["state"],
    ({ shadows }) => {
      const now = shadows?.config?.settings.state;
      return now === undefined ? [] : SETTINGS.map((state) => ({ labels: { state }, value: state === now ? 1 : 0 }));
    },
  ),
];

function ofEach(
  { shadows }: Status,
  read: (
    shadow: ReportedShadowStatus,
  ) => readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
): readonly MetricSample[] {
  const kept: Readonly<Record<string, ReportedShadowStatus | undefined>> = {
    state: shadows?.state,
    config: shadows?.config?.reported,
  };
  return Object.entries(kept).flatMap(([shadow, told]) =>
    told === undefined ? [] : read(told).map(([labels, value]) => ({ labels: { shadow, ...labels }, value })),
  );
}
