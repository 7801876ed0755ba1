import { describe, expect, it } from "vitest";
import type { MetricReading } from "../../../../agent/core/metrics/registry.ts";
import { MetricRegistry } from "../../../../agent/core/metrics/registry.ts";
import { addStatusMetrics } from "../../../../agent/local-api/status-metrics/all-metrics.ts";
import type { Status } from "../../../../agent/local-api/status-schema.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";
import { fullStatus } from "../../../fakes/metrics/full-status.ts";

const WALL_US = 1_767_225_600_000_000;

/** Numbers of the status that are no metric, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  pid: "an id",
  "buses[].receiveBuffer.askedBytes": "configured; what was given is told",
  "link.limits.maximumPayloadBytes": "follows from the packet limit",
  "link.limits.topicAliasMaximum": "nothing depends on it",
  "link.port": "configured",
  "identity.daysLeft": "certificate_expiry_timestamp_seconds says it",
  "dataPath.stuckAfterMs": "configured",
  "outbox.epoch": "an id",
  "outbox.records": "the sum of the streams",
  "outbox.salvage.rows": "the number of saved records is told",
  "outbox.salvage.totalRows": "the number of saved records is told",
  "defender.reportId": "an id",
  "delivery.delivered": "the sum of the streams",
  "delivery.deliveredBytes": "the sum of the streams",
  "delivery.ackedAgoMs": "the counters of sent records grow when it happens",
  "delivery.streams.control.dayBytes": "records_sent_bytes says it, over any time",
  "delivery.streams.event.dayBytes": "records_sent_bytes says it, over any time",
  "delivery.streams.telemetry.dayBytes": "records_sent_bytes says it, over any time",
  "delivery.streams.capture.dayBytes": "records_sent_bytes says it, over any time",
  "delivery.refusedTopics[].reasonCode": "a code, no quantity",
  "losses[].agoMs": "the counter grows when it happens",
  "losses[].range.first": "an id",
  "losses[].range.last": "an id",
  "frameLog.session": "an id",
  "files.dayBytes": "configured",
  "diagnostics.buses[].other.id": "an id",
  "diagnostics.buses[].other.agoMs": "of one moment; silences are counted",
  "diagnostics.buses[].other.silentMs": "of one moment; silences are counted",
  "diagnostics.buses[].pending[].ms": "of one control unit; how many there are is told",
  "diagnostics.buses[].backingOff[].ms": "of one control unit; how many there are is told",
  "diagnostics.j1939[].address": "an id",
  "diagnostics.j1939[].readiness[].address": "an id",
  "diagnostics.j1939[].readiness[].activeCodes": "of the vehicle, by node: records of trouble codes have it",
  "diagnostics.j1939[].readiness[].previousCodes": "of the vehicle, by node: records of trouble codes have it",
  "tunnels.open[].id": "an id",
  "tunnels.open[].openedMs": "of one tunnel",
  "tunnels.open[].leftMs": "of one tunnel, and a forecast",
  "tunnels.open[].opened": "of one tunnel; the audit has its end",
  "tunnels.open[].connects": "of one tunnel; the counts of all have it",
  "tunnels.open[].bytesIn": "of one tunnel; the counts of all have it",
  "tunnels.open[].bytesOut": "of one tunnel; the counts of all have it",
  "tunnels.allowedMs": "a forecast",
  "vehicle.trip.forMs": "of the vehicle: records of trips have it",
  "vehicle.asleepSoonInMs": "a forecast",
  "sleep.sleepsInMs": "a forecast",
  "place.fix.ageMs": "position_fix_age_seconds says it, for an old fix too",
  "place.precisionMetres": "configured",
  "fences.odometerMetres": "a way that says where the vehicle was; records have it, where allowed",
};

function readingsOf(status: Status): readonly MetricReading[] {
  const registry = new MetricRegistry();
  addStatusMetrics(
    registry,
    () => status,
    () => WALL_US,
  );
  return registry.read();
}

const textOf = (status: Status): string => JSON.stringify(readingsOf(status).map(({ samples }) => samples));

function samplesOf(status: Status, name: string): MetricReading["samples"] | undefined {
  return readingsOf(status).find(({ metric }) => metric.name === name)?.samples;
}

describe("the metrics of the status", () => {
  it("has one for every number of the status schema, or a reason why not", () => {
    const { status, paths } = fullStatus();
    const before = textOf(status);
    const untold = paths.filter((path) => textOf(fullStatus(path).status) === before);
    expect(untold.toSorted()).toEqual(Object.keys(LEFT_OUT).toSorted());
    expect(paths.length).toBeGreaterThan(200);
  });

  it("drops no sample of a status with everything in it", () => {
    expect(samplesOf(fullStatus().status, "causeway_metrics_dropped_samples")?.map(({ value }) => value)).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  it("drops no sample of as many buses as there may be", () => {
    const { status } = fullStatus();
    const buses = Array.from({ length: 32 }, (_, at) =>
      status.buses.map((bus) => ({ ...bus, name: `can${at}` })),
    ).flat();
    const dropped = samplesOf({ ...status, buses }, "causeway_metrics_dropped_samples");
    expect(dropped?.map(({ value }) => value)).toEqual([0, 0, 0, 0, 0]);
  });

  it("tells the age of the backlog by stream, and 0 where nothing waits", () => {
    const samples = samplesOf(statusWith(), "causeway_outbox_oldest_record_age_seconds");
    expect(samples).toContainEqual({ labels: { stream: "telemetry" }, value: 5 });
    expect(samples).toContainEqual({ labels: { stream: "event" }, value: 0 });
  });

  it("tells no negative age where the clock was set back", () => {
    const { outbox } = statusWith();
    const { telemetry } = outbox.streams;
    const streams = { ...outbox.streams, telemetry: { ...telemetry, oldestUs: WALL_US + 1 } };
    const samples = samplesOf(
      statusWith({ outbox: { ...outbox, streams } }),
      "causeway_outbox_oldest_record_age_seconds",
    );
    expect(samples).toContainEqual({ labels: { stream: "telemetry" }, value: 0 });
  });

  it("tells losses by stream and cause, and bytes sent by stream", () => {
    const losses = [{ stream: "telemetry", reason: "evicted", detail: "bound", records: 7, agoMs: 3 }] as const;
    expect(samplesOf(statusWith({ losses }), "causeway_records_lost")).toEqual([
      { labels: { stream: "telemetry", cause: "evicted" }, value: 7 },
    ]);
    expect(samplesOf(statusWith(), "causeway_records_sent_bytes")).toContainEqual({
      labels: { stream: "event" },
      value: 4200,
    });
  });

  it("has no sample of what the configuration does not have", () => {
    expect(samplesOf(statusWith(), "causeway_commands_running")).toEqual([]);
    expect(samplesOf(statusWith(), "causeway_sleep_phase")).toEqual([]);
  });
});
