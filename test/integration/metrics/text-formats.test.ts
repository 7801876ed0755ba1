import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { Histogram } from "../../../agent/core/metrics/histogram.ts";
import { MetricRegistry } from "../../../agent/core/metrics/registry.ts";
import { StartTime } from "../../../agent/core/start-time.ts";
import { lineMetrics } from "../../../agent/daemon/line-metrics.ts";
import { addProcessMetrics } from "../../../agent/daemon/process-metrics.ts";
import { addStatusMetrics } from "../../../agent/local-api/status-metrics/all-metrics.ts";
import { metricsText, type TextFormat } from "../../../agent/metrics/metrics-text.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { fullStatus } from "../../fakes/metrics/full-status.ts";

/** Reads OpenMetrics strictly, and prints name, type, unit and number of samples of each family. */
const PARSER = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for f in parse(sys.stdin.read()): print(f.name, f.type, f.unit, len(f.samples))
`;

/** Every metric of the agent with a number. */
async function fullText(format: TextFormat): Promise<string> {
  const registry = new MetricRegistry();
  const { status } = fullStatus();
  const times = new Histogram([0.5, 1]);
  times.note(0.75);
  registry.add(
    ...lineMetrics(
      { storeTimes: times, promptCommits: 0 },
      { pubackTimes: () => times },
      { counts: () => ({ forward: 1, back: 0 }) },
    ),
  );
  addProcessMetrics(registry, new StartTime(new ManualClock(), 0));
  addStatusMetrics(
    registry,
    () => status,
    () => 1_767_225_600_000_000,
  );
  return metricsText(registry.read(), format);
}

describe("the text of all metrics", () => {
  it("passes promtool check metrics of Prometheus without a remark", async () => {
    const input = await fullText("prometheus");
    expect(execFileSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })).toBe("");
  });

  it("is read by the OpenMetrics parser of prometheus_client", async () => {
    const input = await fullText("openmetrics");
    const families = execFileSync("/usr/bin/python3", ["-c", PARSER], { input, encoding: "utf8" }).trim().split("\n");
    expect(families).toContain("causeway_records_lost counter  1");
    expect(families).toContain("causeway_records_sent_bytes counter bytes 4");
    expect(families).toContain("causeway_outbox_oldest_record_age_seconds gauge seconds 4");
    expect(families.length).toBe(input.split("# TYPE").length - 1);
  });
});
