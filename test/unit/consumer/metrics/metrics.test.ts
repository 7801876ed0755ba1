import { describe, expect, it } from "vitest";
import { metricsText } from "../../../../agent/consumer/metrics/metrics.ts";
import { startMetricsServer } from "../../../../agent/consumer/metrics/metrics-server.ts";
import { workerMetrics } from "../../../../agent/consumer/metrics/worker-metrics.ts";
import { Counters } from "../../../../agent/consumer/worker/counters.ts";
import { Histogram } from "../../../../agent/core/metrics/histogram.ts";
import { MemorySink } from "../../../fakes/consumer/memory-sink.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

describe("metricsText", () => {
  it("is what Prometheus reads: help and type once, labels escaped, buckets that add up", () => {
    const histogram = new Histogram([0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 7]) histogram.note(value);
    const odd = { reason: 'a"b\\c\nd' };
    const counter = { name: "x_total", help: "Help.", kind: "counter", values: [{ labels: odd, value: 2 }] } as const;
    expect(metricsText([counter], [{ name: "y_seconds", help: "Time.", histogram }])).toBe(
      `# HELP x_total Help.
# TYPE x_total counter
x_total{reason="a\\"b\\\\c\\nd"} 2
# HELP y_seconds Time.
# TYPE y_seconds histogram
y_seconds_bucket{le="0.1"} 2
y_seconds_bucket{le="1.0"} 3
y_seconds_bucket{le="+Inf"} 4
y_seconds_sum 7.65
y_seconds_count 4
`,
    );
  });
});

describe("workerMetrics", () => {
  const clock = new ManualClock();
  const left = { left: 7, leftSinceMs: clock.monotonicMs(), hasRoom: true };
  const hand = { inHand: 3, oldestMs: clock.monotonicMs() - 2500, commitFailures: 1, waitingTables: 0, ...left };

  function text(counters: Counters): string {
    return workerMetrics({
      worker: { counters, status: () => hand },
      sink: new MemorySink(),
      session: { status: () => ({ state: "ready", connects: 2, fault: undefined }) },
      gaps: { status: { ranges: 1, records: 4, beginnings: 2 } },
      clock,
    });
  }

  it("tells ages, gaps and lag, and each reason of refusal", () => {
    const counters = new Counters();
    counters.refuse("malformed");
    counters.lagUs = 1_500_000;
    const lines = text(counters).split("\n");
    for (const line of [
      "causeway_consumer_up 1",
      "causeway_consumer_oldest_unacknowledged_seconds 2.5",
      "causeway_consumer_left_to_broker 7",
      "causeway_consumer_lag_seconds 1.5",
      "causeway_consumer_gaps 1",
      "causeway_consumer_gap_records 4",
      "causeway_consumer_gap_beginnings 2",
      'causeway_consumer_refused_total{reason="malformed"} 1',
    ])
      expect(lines).toContain(line);
  });

  it("gives each line in the form of Prometheus, and leaves out what is not known", () => {
    const shape = /^(# (HELP|TYPE) causeway_\w+ .+|causeway_\w+(\{\w+="[^"]*"\})? -?[0-9.e+-]+)$/;
    const lines = text(new Counters()).trimEnd().split("\n");
    expect(lines.filter((line) => !shape.test(line))).toEqual([]);
    expect(lines.some((line) => line.startsWith("causeway_consumer_lag_seconds "))).toBe(false);
  });
});

describe("startMetricsServer", () => {
  it("answers /metrics and /healthz, and nothing else", async () => {
    let problem: string | undefined;
    const server = await startMetricsServer({
      host: "127.0.0.1",
      port: 0,
      metrics: () => "x 1\n",
      problem: () => problem,
    });
    const ask = async (path: string, method = "GET") => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
      return [response.status, await response.text()];
    };
    expect(await ask("/metrics")).toEqual([200, "x 1\n"]);
    expect(await ask("/healthz")).toEqual([200, "ok\n"]);
    problem = "not connected";
    expect(await ask("/healthz?x=1")).toEqual([503, "not connected\n"]);
    expect((await ask("/other"))[0]).toBe(404);
    expect((await ask("/metrics", "POST"))[0]).toBe(405);
    await server.close();
  });

  it("says so when its port is taken", async () => {
    const parts = { host: "127.0.0.1", metrics: () => "", problem: () => undefined };
    const first = await startMetricsServer({ ...parts, port: 0 });
    await expect(startMetricsServer({ ...parts, port: first.port })).rejects.toThrow("cannot listen");
    await first.close();
  });
});
