import { randomUUID } from "node:crypto";
import type { DefenderConfig } from "../../config/defender.ts";
import { networkState } from "../../drivers/os/network-state.ts";
import { RequestClient } from "../cloud/request-client.ts";
import type { MetricReading } from "../core/metrics/registry.ts";
import { DefenderSender } from "../metrics/defender/defender-sender.ts";
import { ReportMaker } from "../metrics/defender/report-maker.ts";
import { ReportMemory } from "../metrics/defender/report-memory.ts";
import type { Journal } from "../ports/journal.ts";
import type { CloudLink, DefenderLine, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** One report at a time, and answers that say little. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 30_000, maxPending: 2, maxAnswerBytes: 16_384 } as const;

export type DefenderParts = {
  readonly settings: DefenderConfig;
  readonly thing: string;
  /** A bench waits for nobody: its first report comes at once. */
  readonly isBench: boolean;
  readonly link: Pick<CloudLink, "broker">;
  readonly journal: Journal | undefined;
};

/** The part of the composition root for reports to AWS IoT Device Defender. */
export function composeDefender(
  parts: DefenderParts,
  runtime: Pick<Runtime, "clock" | "log" | "random" | "metrics">,
): DefenderLine {
  const { settings, thing, isBench, link, journal } = parts;
  const { clock, log, random, metrics } = runtime;
  const readMetrics = async (): Promise<readonly MetricReading[]> => (await metrics.all()).read();
  const { broker } = link;
  const memory = new ReportMemory({ journal, clock, log });
  const sender = new DefenderSender({
    place: { thing, format: settings.format, intervalMs: settings.intervalSeconds * 1000 },
    maker: new ReportMaker({ network: networkState(), readMetrics, memory, settings }),
    memory,
    requestClient: new RequestClient({ broker, clock, log, limits: REQUEST_CLIENT_LIMITS, token: randomUUID }),
    broker,
    clock,
    log,
    random: isBench ? () => 0 : random,
  });
  return { service: loopService("defender", sender), status: () => sender.counters() };
}
