import { byLabel, counter, gauge, metric, type StatusMetric } from "./status-metric.ts";

/** Of uploads to an object store. */
export const FILES_METRICS: readonly StatusMetric[] = [
  gauge(
    { name: "uploads_under_way", help: "Uploads that wait or are on their way." },
    ({ files }) => files?.uploads.length,
  ),
  gauge(
    { name: "uploads_remaining_bytes", help: "Bytes of them that the store does not have.", unit: "bytes" },
    ({ files }) => files?.uploads.reduce((sum, { bytes, sentBytes }) => sum + bytes - sentBytes, 0),
  ),
  metric("counter", { name: "uploads_ended", help: "Uploads that ended, by how." }, ["result"], ({ files }) =>
    files === undefined
      ? []
      : byLabel("result", [
          ["stored", files.stored],
          ["failed", files.failed],
        ]),
  ),
  counter(
    { name: "uploads_refused_places", help: "Places that a store refused, or whose time was over." },
    ({ files }) => files?.refused,
  ),
  counter({ name: "uploads_retries", help: "Requests that came to nothing for now." }, ({ files }) => files?.retried),
  counter(
    { name: "uploads_sent_bytes", help: "Bytes of files that went out, repeats counted.", unit: "bytes" },
    ({ files }) => files?.sentBytes,
  ),
  metric(
    "counter",
    { name: "uploads_credentials_requests", help: "Requests for credentials of buckets, by what came of them." },
    ["result"],
    ({ files }) =>
      files?.credentials === undefined
        ? []
        : byLabel("result", [
            ["given", files.credentials.given],
            ["failed", files.credentials.failed],
          ]),
  ),
  gauge(
    { name: "uploads_today_bytes", help: "Bytes that went out today, UTC.", unit: "bytes" },
    ({ files }) => files?.dayUsedBytes,
  ),
];
