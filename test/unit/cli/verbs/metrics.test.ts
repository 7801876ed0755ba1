import { describe, expect, it } from "vitest";
import { MetricBook } from "../../../../agent/daemon/metric-book.ts";
import { metricsHandlers } from "../../../../agent/local-api/metrics-handlers.ts";
import { metricsVerb } from "../../../../agent/local-api/metrics-schema.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

async function serveMetrics(): Promise<string> {
  const book = new MetricBook();
  book.tellStatus(() => statusWith(), new ManualClock(), 0);
  const [verb] = metricsHandlers(() => book.all());
  return serveView({ metrics: verb?.handle });
}

describe("causeway metrics", () => {
  it("prints every number as Prometheus reads it", async () => {
    const { stdout, exitCode } = await runCli(["metrics", "--config", await serveMetrics()]);
    expect(stdout).toContain('\ncauseway_bus_frames_total{bus="can0"} 1234567\n');
    expect(stdout).toContain("# TYPE process_cpu_seconds_total counter\n");
    expect(stdout).toMatch(/^process_open_fds [1-9]\d*$/m);
    expect(exitCode).toBe(0);
  });

  it("prints OpenMetrics where asked", async () => {
    const { stdout } = await runCli(["metrics", "--format", "openmetrics", "--config", await serveMetrics()]);
    expect(stdout.endsWith("\n# EOF\n")).toBe(true);
  });

  it("prints JSON", async () => {
    const { stdout } = await runCli(["metrics", "--json", "--config", await serveMetrics()]);
    const { metrics } = metricsVerb.answer.parse(JSON.parse(stdout));
    expect(metrics).toContainEqual(
      expect.objectContaining({ name: "process_resident_memory_bytes", samples: [{ labels: {}, value: 71_000_000 }] }),
    );
  });
});
