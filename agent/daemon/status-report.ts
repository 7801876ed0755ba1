import type { Clock } from "../core/clock.ts";
import { commandStatus } from "../local-api/commands-handlers.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import { type HealthFacts, stuckAfterMs } from "../telemetry/health.ts";
import type { FrameCounters } from "../telemetry/pipeline.ts";
import type { ControlLine } from "./compose-commands.ts";
import type { Updates } from "./compose-updates.ts";
import { configStatus } from "./config-status.ts";
import { identityStatusOf } from "./identity-status.ts";
import type { DaemonConfig } from "./layered-config.ts";
import type { CloudLink, DataLine, Runtime } from "./parts.ts";

/** What the status speaks of. */
export type StatusParts = HealthParts & {
  /** Undefined where no remote commands are taken. */
  readonly commands: ControlLine | undefined;
  /** Undefined where no updates are taken. */
  readonly updates: Updates | undefined;
  readonly socketCounts: Readonly<Record<"view" | "admin", SocketCounts>>;
};

/** The daemon's state at this moment. */
export function statusOf(parts: StatusParts, { version, bootId, startedAtMs, clock }: Runtime): Status {
  const { loaded, link, line, commands, updates, socketCounts } = parts;
  const { config } = loaded;
  const { table } = loaded.checkedTable;
  const { samples, records, payloadBytes, discardedSamples } = line.pipeline.counters();
  const identity = identityStatusOf(link, clock);
  return {
    schemaVersion: 1,
    version,
    thing: config.thingName,
    pid: process.pid,
    uptimeMs: clock.monotonicMs() - startedAtMs,
    bootId,
    clockQuality: clock.quality(),
    configuration: configStatus(loaded),
    signalTable: { id: table.id, messages: table.messages.length, signals: table.signals.length },
    buses: busStatusOf(line, clock),
    link: {
      ...link.broker.status(),
      inbound: link.broker.inbound(),
      host: config.broker.host,
      port: config.broker.port,
      key: identity.key,
    },
    identity,
    dataPath: dataPathOf(parts, clock),
    collected: { samples, records, payloadBytes, discardedSamples },
    outbox: outboxStatusOf(line),
    delivery: line.publisher.counters(),
    losses: line.outbox.lossCounts().map(({ atMs, ...loss }) => ({ ...loss, agoMs: clock.monotonicMs() - atMs })),
    commands: commandStatus(commands),
    job: updates?.report.job(),
    update: updates?.report.update(),
    localSockets: { view: { ...socketCounts.view }, admin: { ...socketCounts.admin } },
    rssBytes: process.memoryUsage.rss(),
  };
}

/** What health shows in. */
export type HealthParts = { readonly loaded: DaemonConfig; readonly link: CloudLink; readonly line: DataLine };

/** What the agent's health is judged by at this moment: the part of the status that costs little. */
export function healthFactsOf(parts: HealthParts, clock: Clock): HealthFacts {
  const { loaded, link, line } = parts;
  return {
    configuration: configStatus(loaded),
    buses: line.buses.map(({ bus: { name }, state, detail }) => ({ name, state, detail })),
    link: link.broker.status(),
    outbox: outboxStatusOf(line),
    dataPath: dataPathOf(parts, clock),
    delivery: line.publisher.counters(),
  };
}

function dataPathOf({ loaded, line }: HealthParts, clock: Clock): Status["dataPath"] {
  const agoMs = (thenMs: number | undefined) => (thenMs === undefined ? undefined : clock.monotonicMs() - thenMs);
  const { flushes, lastFlushMs } = line.pipeline.health();
  return {
    flushes,
    flushAgoMs: agoMs(lastFlushMs),
    turnAgoMs: agoMs(line.publisher.lastTurnMs),
    stuckAfterMs: stuckAfterMs(loaded.config.collect.batchMs),
  };
}

function busStatusOf({ buses, pipeline }: DataLine, clock: Clock): Status["buses"] {
  const frames = pipeline.counters().buses;
  return buses.map(({ bus, state, detail }) => ({
    name: bus.name,
    state,
    detail,
    ...framesOf(frames.get(bus.name), clock),
    filtered: bus.filtered(),
    ...bus.facts(),
    ...bus.counters(),
  }));
}

/** What the outbox holds, its disk, and why records do not get into it. */
function outboxStatusOf({ outbox, pipeline }: DataLine): Status["outbox"] {
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
