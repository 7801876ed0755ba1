import { join } from "node:path";
import type { MetricsConfig } from "../../config/metrics.ts";
import { messageOf } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import { HealthReports } from "../metrics/health-reports.ts";
import type { TextFormat } from "../metrics/metrics-text.ts";
import { type ScrapePlace, ScrapeServer } from "../metrics/scrape-server.ts";
import { TextCache } from "../metrics/text-cache.ts";
import { TextFile } from "../metrics/text-file.ts";
import type { RecordSinks, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** Only *.prom is read by node_exporter. */
const FILE_NAME = "causeway.prom";

export type MetricsParts = { readonly settings: MetricsConfig; readonly records: Pick<RecordSinks, "sendHealth"> };

/** The part of the composition root for who reads the metrics. Start its services last. */
export function composeMetrics(
  { settings, records }: MetricsParts,
  runtime: Pick<Runtime, "metrics" | "clock" | "log" | "startedAtMs">,
): readonly Service[] {
  const { metrics, clock, log } = runtime;
  const cache = new TextCache(() => metrics.all(), clock);
  return [
    ...scrapeOf(settings, cache, runtime),
    ...textFileOf(settings, cache, { metrics, clock, log }),
    ...healthOf({ settings, records }, runtime),
  ];
}

function healthOf(
  { settings: { health }, records }: MetricsParts,
  { metrics, clock, startedAtMs }: Pick<Runtime, "metrics" | "clock" | "startedAtMs">,
): readonly Service[] {
  if (health === undefined) return [];
  const everyMs = health.minutes * 60_000;
  const reports = new HealthReports({
    all: () => metrics.all(),
    send: records.sendHealth,
    everyMs,
    startedAtMs,
    clock,
  });
  return [loopService("health reports", reports)];
}

function scrapeOf(
  { scrape }: MetricsConfig,
  cache: TextCache,
  { metrics, log }: Pick<Runtime, "metrics" | "log">,
): readonly Service[] {
  if (scrape === undefined) return [];
  const { socketFile, port, maxClients } = scrape;
  const places: readonly (readonly [string, ScrapePlace])[] = [
    ...(socketFile === undefined ? [] : [["socket", { socketFile }] as const]),
    ...(port === undefined ? [] : [["port", { port }] as const]),
  ];
  const text = (format: TextFormat): Promise<string> => cache.text(format);
  const servers = places.map(([name, place]) => ({ name, server: new ScrapeServer({ place, maxClients, text }) }));
  metrics.add({
    name: "causeway_metrics_scrapes",
    help: "Requests for metrics over HTTP, by where they came and what became of them.",
    type: "counter",
    labels: ["place", "result"],
    read: () =>
      servers.flatMap(({ name: place, server }) =>
        Object.entries(server.counters()).map(([result, value]) => ({ labels: { place, result }, value })),
      ),
  });
  return servers.map(({ name, server }) => {
    // A place that another program has costs the scrape, not the agent.
    const start = async (): Promise<void> => {
      try {
        await server.start();
      } catch (thrown) {
        log.error("metrics.not-served", { what: messageOf(thrown) });
      }
    };
    return { name: `metrics ${name}`, start, stop: () => server.stop() };
  });
}

function textFileOf(
  { textFile }: MetricsConfig,
  cache: TextCache,
  { metrics, clock, log }: Pick<Runtime, "metrics" | "clock" | "log">,
): readonly Service[] {
  if (textFile === undefined) return [];
  const { folder, seconds } = textFile;
  const file = join(folder, FILE_NAME);
  const everyMs = seconds * 1000;
  const kept = new TextFile({ file, everyMs, text: () => cache.text("prometheus"), clock, log });
  metrics.add({
    name: "causeway_metrics_file_writes",
    help: "Writes of the file for node_exporter, by what became of them.",
    type: "counter",
    labels: ["result"],
    read: () => {
      const { written, failed } = kept.status();
      return [
        { labels: { result: "written" }, value: written },
        { labels: { result: "failed" }, value: failed },
      ];
    },
  });
  return [loopService("metrics file", kept)];
}
