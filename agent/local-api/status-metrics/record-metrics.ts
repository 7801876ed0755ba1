import type { MetricSample } from "../../core/metrics/metric.ts";
import { STREAMS } from "../../ports/outbox.ts";
import type { Status } from "../status-schema.ts";
import { byLabel, counter, gauge, metric, type StatusMetric, seconds } from "./status-metric.ts";

type Stream = Status["outbox"]["streams"]["event"];

function perStream(read: (stream: Stream, wallUs: number) => number | undefined): StatusMetric["read"] {
  return ({ outbox: { streams } }, wallUs) =>
    byLabel(
      "stream",
      STREAMS.map((name) => [name, read(streams[name], wallUs)] as const),
    );
}

function perSentStream(read: (sent: Status["delivery"]["streams"]["event"]) => number): StatusMetric["read"] {
  return ({ delivery: { streams } }) =>
    byLabel(
      "stream",
      STREAMS.map((name) => [name, read(streams[name])] as const),
    );
}

/** 0 where nothing waits; a clock that was set back makes no negative age. */
function ageSeconds({ oldestUs }: Stream, wallUs: number): number {
  return oldestUs === undefined ? 0 : Math.max(0, wallUs - oldestUs) / 1e6;
}

function lossesOf({ losses }: Status): readonly MetricSample[] {
  return losses.map(({ stream, reason, records }) => ({ labels: { stream, cause: reason }, value: records }));
}

/** Of what is collected, and of the outbox: how far the backlog is behind, and what was lost and why. */
const OUTBOX_METRICS: readonly StatusMetric[] = [
  counter({ name: "collected_samples", help: "Samples that went into records." }, ({ collected }) => collected.samples),
  counter({ name: "collected_records", help: "Records that the outbox took." }, ({ collected }) => collected.records),
  counter(
    { name: "collected_payload_bytes", help: "Payload bytes that the outbox took.", unit: "bytes" },
    ({ collected }) => collected.payloadBytes,
  ),
  counter(
    { name: "collected_discarded_samples", help: "Samples in records that could not be stored." },
    ({ collected }) => collected.discardedSamples,
  ),
  metric(
    "gauge",
    {
      name: "outbox_oldest_record_age_seconds",
      help: "Age of the oldest record that waits for delivery, by stream; 0 where none waits.",
      unit: "seconds",
    },
    ["stream"],
    perStream(ageSeconds),
  ),
  metric(
    "gauge",
    { name: "outbox_waiting_records", help: "Records that wait for delivery, by stream." },
    ["stream"],
    perStream(({ records }) => records),
  ),
  metric(
    "gauge",
    { name: "outbox_waiting_bytes", help: "Bytes of records that wait for delivery, by stream.", unit: "bytes" },
    ["stream"],
    perStream(({ bytes }) => bytes),
  ),
  metric(
    "gauge",
    { name: "outbox_last_seq", help: "Newest number that a record of the stream got in this epoch." },
    ["stream"],
    perStream(({ lastSeq }) => lastSeq),
  ),
  metric(
    "gauge",
    { name: "outbox_dead_records", help: "Records that were given up and are kept for a look, by stream." },
    ["stream"],
    perStream(({ dead }) => dead),
  ),
  metric(
    "gauge",
    { name: "outbox_lost_records", help: "Records of this epoch that will not be delivered, by stream." },
    ["stream"],
    perStream(({ lost }) => lost),
  ),
  metric(
    "counter",
    { name: "records_lost", help: "Records that will not be delivered, by stream and cause." },
    ["stream", "cause"],
    lossesOf,
  ),
  gauge({ name: "outbox_bytes", help: "Bytes that the outbox holds.", unit: "bytes" }, ({ outbox }) => outbox.bytes),
  gauge(
    { name: "outbox_max_bytes", help: "Bytes that the outbox may hold.", unit: "bytes" },
    ({ outbox }) => outbox.maxBytes,
  ),
  gauge(
    { name: "outbox_in_memory", help: "1 while records are kept in memory alone as the disk does not take them." },
    ({ outbox }) => (outbox.fault === undefined ? 0 : 1),
  ),
  gauge(
    { name: "outbox_salvaged_records", help: "Records saved so far from a damaged outbox; absent without one." },
    ({ outbox }) => outbox.salvage?.records,
  ),
  gauge(
    { name: "disk_free_bytes", help: "Free bytes of the disk of the outbox.", unit: "bytes" },
    ({ outbox }) => outbox.disk?.freeBytes,
  ),
  gauge(
    { name: "disk_reserve_bytes", help: "Disk space set by for a full disk.", unit: "bytes" },
    ({ outbox }) => outbox.disk?.reserveBytes,
  ),
];

/** Of what is sent. */
const DELIVERY_METRICS: readonly StatusMetric[] = [
  metric(
    "counter",
    { name: "records_sent", help: "Records with a good PUBACK, by stream." },
    ["stream"],
    perSentStream(({ records }) => records),
  ),
  metric(
    "counter",
    { name: "records_sent_bytes", help: "Payload bytes of records with a good PUBACK, by stream.", unit: "bytes" },
    ["stream"],
    perSentStream(({ bytes }) => bytes),
  ),
  counter({ name: "records_rejected_pubacks", help: "PUBACKs of 0x80 and above." }, ({ delivery }) => delivery.refused),
  counter({ name: "records_retried", help: "Records that had to be sent again." }, ({ delivery }) => delivery.retried),
  gauge({ name: "records_in_flight", help: "Records without a PUBACK yet." }, ({ delivery }) => delivery.inFlight),
  metric(
    "gauge",
    { name: "records_rejected_in_a_row", help: "Rejections since the broker last took a record there, by stream." },
    ["stream"],
    ({ delivery: { refusedTopics } }) =>
      byLabel(
        "stream",
        STREAMS.map((name) => {
          const counts = refusedTopics.filter(({ stream }) => stream === name).map(({ count }) => count);
          return [name, counts.length === 0 ? undefined : Math.max(...counts)] as const;
        }),
      ),
  ),
  gauge(
    { name: "first_puback_seconds", help: "From the start of the process to its first PUBACK.", unit: "seconds" },
    ({ delivery }) => seconds(delivery.firstPubackMs),
  ),
];

/** Of records from their making to their delivery. */
export const RECORD_METRICS: readonly StatusMetric[] = [...OUTBOX_METRICS, ...DELIVERY_METRICS];
