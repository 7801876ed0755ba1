import { describe, expect, it } from "vitest";
import type { MetricReading } from "../../../agent/core/metrics/registry.ts";
import { metricsText } from "../../../agent/metrics/metrics-text.ts";

const READINGS: readonly MetricReading[] = [
  {
    metric: { name: "causeway_sent_bytes", help: "Bytes.", unit: "bytes", type: "counter", labels: ["stream"] },
    samples: [{ labels: { stream: 'a"b\\c' }, value: 7 }],
  },
  {
    metric: { name: "causeway_build", help: "The version.", type: "info", labels: ["version"] },
    samples: [{ labels: { version: "1" }, value: 1 }],
  },
  {
    metric: { name: "causeway_state", help: "State.", type: "stateset", labels: ["state"] },
    samples: [
      { labels: { state: "up" }, value: 1 },
      { labels: { state: "down" }, value: 0 },
    ],
  },
  {
    metric: { name: "causeway_store_seconds", help: "Time.", unit: "seconds", type: "histogram", labels: ["stream"] },
    samples: [
      { labels: { stream: "event", le: "0.5" }, value: 2, of: "bucket" },
      { labels: { stream: "event", le: "+Inf" }, value: 3, of: "bucket" },
      { labels: { stream: "event" }, value: 1.75, of: "sum" },
      { labels: { stream: "event" }, value: 3, of: "count" },
    ],
  },
  { metric: { name: "causeway_absent", help: "Nothing.", type: "counter", labels: [] }, samples: [] },
];

describe("metricsText", () => {
  it("writes the text format of Prometheus", async () => {
    expect(await metricsText(READINGS, "prometheus")).toBe(`# HELP causeway_sent_bytes_total Bytes.
# TYPE causeway_sent_bytes_total counter
causeway_sent_bytes_total{stream="a\\"b\\\\c"} 7

# HELP causeway_build_info The version.
# TYPE causeway_build_info gauge
causeway_build_info{version="1"} 1

# HELP causeway_state State.
# TYPE causeway_state gauge
causeway_state{state="up"} 1
causeway_state{state="down"} 0

# HELP causeway_store_seconds Time.
# TYPE causeway_store_seconds histogram
causeway_store_seconds_bucket{stream="event",le="0.5"} 2
causeway_store_seconds_bucket{stream="event",le="+Inf"} 3
causeway_store_seconds_sum{stream="event"} 1.75
causeway_store_seconds_count{stream="event"} 3
`);
  });

  it("writes OpenMetrics, with units and the end", async () => {
    const text = await metricsText(READINGS, "openmetrics");
    expect(text).toContain("# TYPE causeway_sent_bytes counter\n# UNIT causeway_sent_bytes bytes\n");
    expect(text).toContain('causeway_sent_bytes_total{stream="a\\"b\\\\c"} 7\n');
    expect(text).toContain("# TYPE causeway_store_seconds histogram\n# UNIT causeway_store_seconds seconds\n");
    expect(text.endsWith("\n# EOF\n")).toBe(true);
  });

  it("does not mix two readings up", async () => {
    await metricsText(READINGS, "prometheus");
    expect(await metricsText([], "openmetrics")).toBe("\n# EOF\n");
  });
});
