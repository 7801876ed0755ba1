import { join } from "node:path";
import type { MetricsConfig } from "../../config/metrics.ts";
import { LocalHttpServer } from "../../drivers/os/local-socket/http-server.ts";
import { shownFile } from "../../drivers/os/shown-file.ts";
import type { Service } from "../core/lifecycle.ts";
import type { MetricsStatus } from "../local-api/metrics-status.ts";
import { HealthReports } from "../metrics/health-reports.ts";
import { ScrapeAnswers } from "../metrics/scrape-answers.ts";
import { ScrapeService } from "../metrics/scrape-service.ts";
import { TextCache } from "../metrics/text-cache.ts";
import { TextFile } from "../metrics/text-file.ts";
import type { MetricsLine, RecordSinks, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** Only *.prom is read by node_exporter. */
const FILE_NAME = "causeway.prom";

/** What a scraper may take for a request and for its answer, ms. */
const PATIENCE_MS = 5000;

export type MetricsParts = { readonly settings: MetricsConfig; readonly records: Pick<RecordSinks, "sendHealth"> };

/** One who reads the metrics. */
type Reader<S extends keyof MetricsStatus> = {
  readonly service: Service;
  readonly status: () => NonNullable<MetricsStatus[S]>;
};

/** The part of the composition root for who reads the metrics. Start its services last. */
export function composeMetrics(
  { settings, records }: MetricsParts,
  runtime: Pick<Runtime, "metrics" | "clock" | "log" | "startedAtMs">,
): MetricsLine {
  const cache = new TextCache(() => runtime.metrics.all(), runtime.clock);
  const scrapes = placesOf(settings.scrape).map((place) => scrapeAt(place, cache, runtime));
  const file = textFileOf(settings, cache, runtime);
  const health = healthOf({ settings, records }, runtime);
  return {
    services: [...scrapes, ...[file, health].flatMap((reader) => reader ?? [])].map(({ service }) => service),
    status: () => ({
      scrapes: scrapes.map(({ status }) => status()),
      ...(file === undefined ? {} : { file: file.status() }),
      ...(health === undefined ? {} : { health: health.status() }),
    }),
  };
}

function healthOf(
  { settings: { health }, records }: MetricsParts,
  { metrics, clock, startedAtMs }: Pick<Runtime, "metrics" | "clock" | "startedAtMs">,
): Reader<"health"> | undefined {
  if (health === undefined) return undefined;
  const everyMs = health.minutes * 60_000;
  const reports = new HealthReports({
    all: () => metrics.all(),
    send: records.sendHealth,
    everyMs,
    startedAtMs,
    clock,
  });
  return { service: loopService("health reports", reports), status: () => ({ reports: reports.count }) };
}

/** Where scrapers ask. */
type ScrapePlace = {
  readonly kind: MetricsStatus["scrapes"][number]["place"];
  readonly at: string;
  readonly place: { readonly socketFile: string } | { readonly port: number };
  readonly maxClients: number;
};

function placesOf(scrape: MetricsConfig["scrape"]): readonly ScrapePlace[] {
  if (scrape === undefined) return [];
  const { socketFile, port, maxClients } = scrape;
  return [
    ...(socketFile === undefined
      ? []
      : [{ kind: "socket", at: socketFile, place: { socketFile }, maxClients } as const]),
    ...(port === undefined ? [] : [{ kind: "port", at: `127.0.0.1:${port}`, place: { port }, maxClients } as const]),
  ];
}

function scrapeAt(
  { kind, at, place, maxClients }: ScrapePlace,
  cache: TextCache,
  { clock, log }: Pick<Runtime, "clock" | "log">,
) {
  const answers = new ScrapeAnswers({ isPort: kind === "port", text: (format) => cache.text(format) });
  const http = new LocalHttpServer({
    place,
    maxClients,
    patienceMs: PATIENCE_MS,
    answer: (request) => answers.answer(request),
    onRefused: () => answers.noteRefused(),
  });
  const scrape = new ScrapeService({ http, clock, log });
  const status = () => {
    const { problem } = scrape;
    return { place: kind, at, ...answers.counters(), ...(problem === undefined ? {} : { problem }) };
  };
  const loop = loopService(`metrics ${kind}`, scrape);
  // Who waits for the agent to be ready can ask then.
  const start = async (): Promise<void> => {
    await scrape.open();
    await loop.start();
  };
  return { service: { ...loop, start }, status };
}

function textFileOf(
  { textFile }: MetricsConfig,
  cache: TextCache,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): Reader<"file"> | undefined {
  if (textFile === undefined) return undefined;
  const path = join(textFile.folder, FILE_NAME);
  const everyMs = textFile.seconds * 1000;
  const kept = new TextFile({ file: shownFile(path), everyMs, text: () => cache.text("prometheus"), clock, log });
  const status = () => {
    const { problem, ...counts } = kept.status();
    return { path, ...counts, ...(problem === undefined ? {} : { problem }) };
  };
  return { service: loopService("metrics file", kept), status };
}
