import { byLabel, counter, metric, type StatusMetric } from "./status-metric.ts";

/** Of who reads the metrics. */
export const READER_METRICS: readonly StatusMetric[] = [
  metric(
    "counter",
    {
      name: "metrics_scrapes",
      help: "Requests for metrics over HTTP, by where they came and what became of them.",
    },
    ["place", "result"],
    ({ metrics }) =>
      (metrics?.scrapes ?? []).flatMap(({ place, answered, refused, failed }) =>
        Object.entries({ answered, refused, failed }).map(([result, value]) => ({ labels: { place, result }, value })),
      ),
  ),
  metric(
    "counter",
    { name: "metrics_file_writes", help: "Writes of the file for node_exporter, by what became of them." },
    ["result"],
    ({ metrics }) =>
      byLabel("result", [
        ["written", metrics?.file?.written],
        ["failed", metrics?.file?.failed],
      ]),
  ),
  counter(
    { name: "metrics_health_reports", help: "Health records that were made." },
    ({ metrics }) => metrics?.health?.reports,
  ),
];
