import { byLabel, gauge, metric, type StatusMetric, seconds } from "./status-metric.ts";

/** Of reports to AWS IoT Device Defender. */
export const DEFENDER_METRICS: readonly StatusMetric[] = [
  metric(
    "counter",
    { name: "defender_reports", help: "Reports to Device Defender, by what became of them." },
    ["outcome"],
    ({ defender: { accepted, rejected, unanswered } = {} }) =>
      byLabel("outcome", Object.entries({ accepted, rejected, unanswered })),
  ),
  gauge(
    { name: "defender_accepted_age_seconds", help: "Since a report was accepted last.", unit: "seconds" },
    ({ defender }) => seconds(defender?.acceptedAgoMs),
  ),
  gauge(
    { name: "defender_report_bytes", help: "Payload of the newest report to Device Defender.", unit: "bytes" },
    ({ defender }) => defender?.reportBytes,
  ),
  gauge(
    { name: "defender_unread_lines", help: "Lines of the kernel's tables that the newest report could not use." },
    ({ defender }) => defender?.unreadLines,
  ),
  gauge(
    { name: "defender_left_out_metrics", help: "Custom metrics that the newest report had no room for." },
    ({ defender }) => defender?.customLeftOut,
  ),
];
