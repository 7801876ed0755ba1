import type { AgentConfig } from "../config/schema.ts";
import type { Clock } from "./core/clock.ts";
import type { Pipeline, PipelineHealth } from "./data/pipeline.ts";
import type { Publisher } from "./data/publish.ts";
import type { SignalTable } from "./data/signal-table.ts";
import type { Broker, Outbox } from "./ports.ts";
import type { BusLine } from "./services.ts";
import type { Status } from "./status.ts";

/** The pipeline flushes every `batchMs`; this many times later it is stuck, and never sooner than `LEAST_STUCK_MS`. */
const STUCK_BATCHES = 10;
const LEAST_STUCK_MS = 10_000;

/** The parts that the status speaks of. */
export type StatusParts = {
  readonly config: AgentConfig;
  readonly version: string;
  readonly bootId: string;
  /** Where the key is, for people. */
  readonly key: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly table: SignalTable;
  readonly lines: readonly BusLine[];
  readonly pipeline: Pipeline;
  readonly publisher: Publisher;
  readonly outbox: Outbox;
  readonly broker: Broker;
  readonly rssBytes: () => number;
};

/** The daemon's state at this moment. */
export function statusOf(parts: StatusParts): Status {
  const { config, clock, table, pipeline, publisher, outbox, broker } = parts;
  const { buses, records, samples, payloadBytes, discardedSamples } = pipeline.counters();
  return {
    schemaVersion: 1,
    version: parts.version,
    thing: config.thingName,
    pid: process.pid,
    uptimeMs: clock.monotonicMs() - parts.startedAtMs,
    bootId: parts.bootId,
    clockQuality: clock.quality(),
    signalTable: { id: table.id, messages: table.messages.length, signals: table.signals.length },
    buses: parts.lines.map(({ bus, state, detail }) => ({
      name: bus.name,
      state,
      detail,
      decoded: buses.get(bus.name)?.decoded ?? 0,
      ...bus.facts(),
      ...bus.counters(),
    })),
    link: { ...broker.status(), host: config.broker.host, port: config.broker.port, key: parts.key },
    collected: { samples, records, payloadBytes, discardedSamples },
    outbox: outbox.stats(),
    delivery: publisher.counters(),
    rssBytes: parts.rssBytes(),
  };
}

/** One line for `systemctl status`: link, buses, outbox. */
export function summaryOf(status: Status): string {
  const { link, outbox } = status;
  const buses = status.buses.map(({ name, state, received, dropped }) => {
    return `${name} ${state}, ${received} frames${dropped === undefined || dropped === 0 ? "" : `, ${dropped} dropped`}`;
  });
  const fault = link.fault === undefined ? "" : ` (${link.fault.code})`;
  return [`${link.state}${fault}`, ...buses, `outbox ${outbox.records} records, ${outbox.bytes} bytes`].join("; ");
}

/** What the watchdog looks at. */
export type HealthParts = {
  readonly batchMs: number;
  readonly clock: Clock;
  readonly health: () => Pick<PipelineHealth, "lastFlushMs">;
};

/** Why the data path is stuck, for the watchdog; undefined while it moves. */
export function stuckReason({ batchMs, clock, health }: HealthParts): string | undefined {
  const { lastFlushMs } = health();
  if (lastFlushMs === undefined) return undefined;
  const agoMs = clock.monotonicMs() - lastFlushMs;
  const limitMs = Math.max(LEAST_STUCK_MS, STUCK_BATCHES * batchMs);
  return agoMs > limitMs ? `the last flush was ${Math.round(agoMs)} ms ago` : undefined;
}
