import type { AgentConfig } from "../../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { IdentityStatus, Status } from "../local-api/status-schema.ts";
import type { Broker } from "../ports/broker.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import { type HealthFacts, stuckAfterMs } from "../telemetry/health.ts";
import type { FrameCounters, Pipeline } from "../telemetry/pipeline.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import { configStatus } from "./config-status.ts";
import type { ObservedBus } from "./services.ts";

/** The parts that the status speaks of. */
export type StatusParts = {
  readonly config: AgentConfig;
  readonly loaded: Parameters<typeof configStatus>[0];
  readonly version: string;
  readonly bootId: string;
  readonly identity: () => IdentityStatus;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly table: SignalTable;
  readonly lines: readonly ObservedBus[];
  readonly pipeline: Pipeline;
  readonly publisher: Publisher;
  readonly outbox: Outbox;
  readonly broker: Broker;
  /** Undefined where no remote commands are taken. */
  readonly commands: () => Status["commands"];
  /** Undefined where no updates are taken. */
  readonly updates: { job(): Status["job"]; update(): Status["update"] } | undefined;
  readonly socketCounts: Readonly<Record<"view" | "admin", SocketCounts>>;
  readonly rssBytes: () => number;
};

/** The daemon's state at this moment. */
export function statusOf(parts: StatusParts): Status {
  const { config, clock, table, pipeline, publisher, outbox, broker } = parts;
  const { buses, records, samples, payloadBytes, discardedSamples } = pipeline.counters();
  const identity = parts.identity();
  return {
    schemaVersion: 1,
    version: parts.version,
    thing: config.thingName,
    pid: process.pid,
    uptimeMs: clock.monotonicMs() - parts.startedAtMs,
    bootId: parts.bootId,
    clockQuality: clock.quality(),
    configuration: configStatus(parts.loaded),
    signalTable: { id: table.id, messages: table.messages.length, signals: table.signals.length },
    buses: parts.lines.map(({ bus, state, detail }) => ({
      name: bus.name,
      state,
      detail,
      ...framesOf(buses.get(bus.name), clock),
      filtered: bus.filtered(),
      ...bus.facts(),
      ...bus.counters(),
    })),
    link: {
      ...broker.status(),
      inbound: broker.inbound(),
      host: config.broker.host,
      port: config.broker.port,
      key: identity.key,
    },
    identity,
    dataPath: dataPathOf(parts),
    collected: { samples, records, payloadBytes, discardedSamples },
    outbox: outboxStatusOf(parts),
    delivery: publisher.counters(),
    losses: outbox.lossCounts().map(({ atMs, ...loss }) => ({ ...loss, agoMs: clock.monotonicMs() - atMs })),
    commands: parts.commands(),
    job: parts.updates?.job(),
    update: parts.updates?.update(),
    localSockets: { view: { ...parts.socketCounts.view }, admin: { ...parts.socketCounts.admin } },
    rssBytes: parts.rssBytes(),
  };
}

/** The parts that health shows in. */
export type HealthParts = Pick<
  StatusParts,
  "loaded" | "config" | "clock" | "lines" | "pipeline" | "publisher" | "outbox" | "broker"
>;

/** What the agent's health is judged by at this moment: the part of the status that costs little. */
export function healthFactsOf(parts: HealthParts): HealthFacts {
  const { loaded, lines, publisher, broker } = parts;
  return {
    configuration: configStatus(loaded),
    buses: lines.map(({ bus: { name }, state, detail }) => ({ name, state, detail })),
    link: broker.status(),
    outbox: outboxStatusOf(parts),
    dataPath: dataPathOf(parts),
    delivery: publisher.counters(),
  };
}

function dataPathOf({ config, clock, pipeline, publisher }: Omit<HealthParts, "loaded">): Status["dataPath"] {
  const agoMs = (thenMs: number | undefined) => (thenMs === undefined ? undefined : clock.monotonicMs() - thenMs);
  const { flushes, lastFlushMs } = pipeline.health();
  return {
    flushes,
    flushAgoMs: agoMs(lastFlushMs),
    turnAgoMs: agoMs(publisher.lastTurnMs),
    stuckAfterMs: stuckAfterMs(config.collect.batchMs),
  };
}

/** What the outbox holds, its disk, and why records do not get into it. */
function outboxStatusOf({ outbox, pipeline }: Pick<StatusParts, "outbox" | "pipeline">): Status["outbox"] {
  const stats = { ...outbox.stats(), disk: outbox.disk() };
  const { store } = pipeline.health();
  if (store.kind === "storing" || stats.fault !== undefined) return stats;
  const { code, what, remedy, heldBytes } = store;
  return { ...stats, fault: { code, what: `${what}; ${heldBytes} bytes of records wait in memory`, remedy } };
}

function framesOf(frames: FrameCounters | undefined, clock: Clock) {
  const { decoded = 0, unknown = 0, lastFrameMs } = frames ?? {};
  return { decoded, unknown, quietMs: lastFrameMs === undefined ? undefined : clock.monotonicMs() - lastFrameMs };
}

/** One line for `systemctl status`: link, buses with their frame rates since `before` (the whole uptime when absent), outbox, what the broker refuses, and what is under way. */
export function summaryOf(status: Status, before?: Status): string {
  const { link, outbox } = status;
  const seconds = (status.uptimeMs - (before?.uptimeMs ?? 0)) / 1000;
  const buses = status.buses.map(({ name, state, received, dropped }) => {
    const earlier = before?.buses.find((bus) => bus.name === name)?.received ?? 0;
    const rate = seconds > 0 ? Math.round((received - earlier) / seconds) : 0;
    return `${name} ${state}, ${rate} frames/s${dropped === undefined || dropped === 0 ? "" : `, ${dropped} dropped`}`;
  });
  const fault = link.fault === undefined ? "" : ` (${link.fault.code})`;
  const disk = outbox.disk?.isFull === true ? ", disk full" : "";
  const place = outbox.fault === undefined ? disk : " in memory only";
  const stored = `outbox ${outbox.records} records, ${outbox.bytes} bytes${place}`;
  const refused = status.delivery.refusedTopics.map(({ stream, reason }) => `${stream} refused: ${reason}`);
  const source = status.configuration.source === "files" ? [] : ["last known good configuration"];
  return [...source, `${link.state}${fault}`, ...buses, stored, ...refused, ...workOf(status)].join("; ");
}

function workOf({ job, update }: Status): readonly string[] {
  const ofJob = job === undefined ? [] : [`job ${job.jobId} (${job.operation})`];
  if (update === undefined || update.isOver) return ofJob;
  const { step, versionTo, percent, waitingFor } = update;
  const reached = step === "download" && percent !== undefined ? ` ${percent} %` : "";
  const wait = waitingFor === undefined ? "" : `, waiting for ${waitingFor}`;
  return [...ofJob, `update to ${versionTo}: ${step}${reached}${wait}`];
}

/** `summaryOf` over and over: each call gives the rates since the one before. */
export function summaries(status: () => Status): () => string {
  let before: Status | undefined;
  return () => {
    const now = status();
    const line = summaryOf(now, before);
    before = now;
    return line;
  };
}
