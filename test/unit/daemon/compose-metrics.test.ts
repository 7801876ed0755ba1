import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { composeMetrics } from "../../../agent/daemon/compose-metrics.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { metricsConfig } from "../../../config/metrics.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

it("goes on without the scrape where another program has its port, and says so", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = z.object({ port: z.number() }).parse(other.address());
  const log = new MemoryLog();
  const settings = metricsConfig.parse({ scrape: { port } });
  const runtime = { metrics: new MetricBook(), clock: new ManualClock(), log, startedAtMs: 0 };
  const line = composeMetrics({ settings, records: { sendHealth: () => undefined } }, runtime);
  const [scrape] = line.services;
  await scrape?.start();
  await scrape?.stop();
  expect(log.entries).toMatchObject([{ level: "error", event: "metrics.not-served" }]);
  expect(String(log.entries[0]?.facts.what)).toContain(`127.0.0.1:${port}`);
  const [told] = line.status().scrapes;
  expect(told).toMatchObject({ place: "port", at: `127.0.0.1:${port}`, answered: 0 });
  expect(told?.problem).toContain("EADDRINUSE");
});
