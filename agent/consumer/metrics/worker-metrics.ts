import type { Clock } from "../../core/clock.ts";
import type { SessionStatus } from "../mqtt/session.ts";
import type { Sink } from "../store/sink.ts";
import type { GapWatch } from "../worker/gap-watch.ts";
import type { Worker } from "../worker/worker.ts";
import { type Metric, metricsText } from "./metrics.ts";

export type MetricsParts = {
  readonly worker: Pick<Worker, "counters" | "status">;
  readonly sink: Pick<Sink, "status">;
  readonly session: { status(): SessionStatus };
  readonly gaps: Pick<GapWatch, "status">;
  readonly clock: Clock;
};

/** What Prometheus asks for. Alarms belong on: up, refused, commit failures in a row, oldest unacknowledged, gaps, lag. */
export function workerMetrics(parts: MetricsParts): string {
  const { counters } = parts.worker;
  return metricsText(
    [...countersOf(parts), ...gaugesOf(parts)],
    [
      {
        name: "causeway_consumer_commit_seconds",
        help: "Time of a commit that went through.",
        histogram: counters.commitSeconds,
      },
    ],
  );
}

function countersOf({ worker: { counters }, sink, session }: MetricsParts): readonly Metric[] {
  const { samples, bytes } = sink.status();
  const one = (name: string, help: string, value: number): Metric => {
    return { name: `causeway_consumer_${name}_total`, help, kind: "counter", values: [{ value }] };
  };
  const refused = [...counters.refused].map(([reason, value]) => ({ labels: { reason }, value }));
  return [
    one("arrivals", "Messages that came, whatever they were.", counters.arrivals),
    one("ignored", "Messages beside records: presence, identity, cleared tables.", counters.ignored),
    one("deliveries", "Records read, repeats among them.", counters.deliveries),
    one("repeats", "Deliveries of a record that was known.", counters.repeats),
    one("written", "Records that became durable in the sink.", counters.written),
    one("samples", "Samples in the records written by this process.", samples),
    one("wire_bytes", "Payload bytes of deliveries.", counters.wireBytes),
    one("sink_bytes", "Bytes that the sink wrote in this process.", bytes),
    one("without_table", "Records written before their signal table came.", counters.withoutTable),
    one("overrun", "Messages over the bound of what may wait, left to the broker.", counters.overrun),
    one("recalls", "Connections made anew so that the broker sends them again.", counters.recalls),
    one("commits", "Commits that went through.", counters.commits),
    one("commit_failures", "Commits that the sink did not take.", counters.commitFailures),
    one("put_aside", "Refused messages in the folder for them.", counters.putAside),
    one("not_put_aside", "Refused messages that the folder did not take.", counters.notPutAside),
    one("connects", "Connections to the broker.", session.status().connects),
    {
      name: "causeway_consumer_refused_total",
      help: "Messages that will never be written, by reason.",
      kind: "counter",
      values: refused,
    },
  ];
}

function gaugesOf({ worker, sink, session, gaps, clock }: MetricsParts): readonly Metric[] {
  const { inHand, oldestMs, commitFailures, waitingTables, left } = worker.status();
  const { oldestStagedUs } = sink.status();
  const { lagUs } = worker.counters;
  const one = (name: string, help: string, value: number | undefined): Metric => {
    return { name: `causeway_consumer_${name}`, help, kind: "gauge", values: value === undefined ? [] : [{ value }] };
  };
  const ageSeconds = (sinceMs: number | undefined): number =>
    sinceMs === undefined ? 0 : (clock.monotonicMs() - sinceMs) / 1000;
  const stagedSeconds = oldestStagedUs === undefined ? 0 : (clock.wallUs() - oldestStagedUs) / 1e6;
  return [
    one("up", "1 while subscribed.", session.status().state === "ready" ? 1 : 0),
    one("in_hand", "Messages that wait for their commit.", inHand),
    one("left_to_broker", "Messages of this connection over the bound of what may wait: they come again.", left),
    one("oldest_unacknowledged_seconds", "Age of the oldest message that waits for its commit.", ageSeconds(oldestMs)),
    one(
      "oldest_staged_seconds",
      "Age of the oldest record that is durable but not yet where readers look.",
      stagedSeconds,
    ),
    one("commit_failures_in_a_row", "Commits since the last that went through.", commitFailures),
    one("waiting_tables", "Signal tables that records wait for.", waitingTables),
    one(
      "lag_seconds",
      "From the making of the newest record to its commit, by the vehicle's clock.",
      lagUs === undefined ? undefined : lagUs / 1e6,
    ),
    one(
      "gaps",
      "Ranges of seqs between records that came, which have not come and which no loss record names.",
      gaps.status?.ranges,
    ),
    one("gap_records", "Records in them.", gaps.status?.records),
    one(
      "gap_beginnings",
      "Epochs and streams whose first records have not come: older than the store, or on their way.",
      gaps.status?.beginnings,
    ),
  ];
}
