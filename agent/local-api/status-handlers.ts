import type { AgentConfig } from "../../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Broker } from "../ports/broker.ts";
import type { BusState, CanBus } from "../ports/can-bus.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { BusLoad } from "../telemetry/bus-load.ts";
import type { ContinuousLog } from "../telemetry/frame-log/continuous-log.ts";
import { type HealthFacts, stuckAfterMs } from "../telemetry/health.ts";
import type { FrameCounters, Pipeline } from "../telemetry/pipeline.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import { type CampaignStatusParts, campaignStatus, refusedFiles } from "./campaign-status.ts";
import { type CommandsParts, commandStatus } from "./commands-handlers.ts";
import { configStatus, type UnmetConfig } from "./config-problems.ts";
import { type IdentityStatusParts, identityStatusOf } from "./identity-status.ts";
import type { Status } from "./status-schema.ts";

/** The configuration of this start, with the table that it was checked with. */
type StatusConfig = UnmetConfig & {
  readonly config: Pick<AgentConfig, "thingName" | "broker" | "collect" | "frameLog">;
  readonly checkedTable: { readonly table: Pick<SignalTable, "id" | "messages" | "signals"> };
};

/** The session with the broker, and its identity. */
type StatusLink = IdentityStatusParts & { readonly broker: Pick<Broker, "status" | "inbound"> };

/** The line from the buses to the broker. */
type StatusLine = {
  readonly buses: readonly {
    readonly bus: Pick<CanBus, "name" | "filtered" | "facts" | "counters">;
    /** Undefined where the bit rate of the bus is not known. */
    readonly load?: Pick<BusLoad, "read"> | undefined;
    readonly hasNarrowed?: () => boolean;
    readonly state: BusState;
    readonly detail: string;
    readonly changes?: Readonly<Partial<Record<BusState, number>>>;
  }[];
  readonly pipeline: Pick<Pipeline, "counters" | "health">;
  readonly outbox: Pick<Outbox, "stats" | "disk" | "lossCounts">;
  readonly publisher: Pick<Publisher, "counters" | "lastTurnMs">;
  readonly campaigns: CampaignStatusParts;
};

/** What health shows in. */
export type HealthParts = { readonly loaded: StatusConfig; readonly link: StatusLink; readonly line: StatusLine };

/** What the status speaks of. */
export type StatusParts = HealthParts & {
  /** Undefined where there is no continuous log. */
  readonly frameLog: { readonly log: Pick<ContinuousLog, "status"> } | undefined;
  /** Undefined where no remote commands are taken. */
  readonly commands: CommandsParts | undefined;
  /** Undefined where no updates are taken. */
  readonly updates:
    | {
        readonly report: {
          job(): Status["job"];
          jobs(): Status["jobs"];
          update(): Status["update"];
          /** Undefined where no shadow is asked for settings. */
          config(): NonNullable<Status["shadows"]>["config"];
        };
      }
    | undefined;
  /** Lines beside the data line; undefined where there are none. */
  readonly beside: {
    readonly diagnostics: { readonly status: () => Status["diagnostics"] } | undefined;
    readonly files: { readonly status: () => Status["files"] } | undefined;
    readonly links: { readonly status: () => Status["links"] } | undefined;
    readonly programs: { readonly status: () => Status["programs"] } | undefined;
    readonly regime: { readonly status: () => Status["regime"] } | undefined;
    readonly sleep: { readonly status: () => Status["sleep"] } | undefined;
    readonly fences: { readonly status: () => Status["fences"] } | undefined;
    readonly place: { readonly status: () => Status["place"] } | undefined;
    readonly defender: { readonly status: () => Status["defender"] } | undefined;
    readonly metrics: { readonly status: () => Status["metrics"] } | undefined;
    readonly security: { readonly status: () => Status["security"] } | undefined;
    readonly shadows: { readonly status: () => Status["shadows"] } | undefined;
    readonly time: { readonly status: () => Status["time"] } | undefined;
    readonly tunnels: { readonly status: () => Status["tunnels"] } | undefined;
    readonly vehicle: { readonly status: () => Status["vehicle"] } | undefined;
  };
  readonly socketCounts: Readonly<Record<"view" | "admin", SocketCounts>>;
};

/** The process that speaks. `startedAtMs` is its start on the clock's monotonic time. */
type StatusProcess = {
  readonly version: string;
  readonly bootId: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
};

/** The daemon's state at this moment. */
export function statusOf(parts: StatusParts, { version, bootId, startedAtMs, clock }: StatusProcess): Status {
  const { loaded, link, line, frameLog, commands, updates, beside, socketCounts } = parts;
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
    configuration: configurationOf(parts),
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
    frameLog:
      frameLog === undefined ? undefined : { ...frameLog.log.status(), maxBytes: config.frameLog?.maxBytes ?? 0 },
    campaigns: campaignStatus(line.campaigns),
    commands: commandStatus(commands),
    diagnostics: beside.diagnostics?.status(),
    links: beside.links?.status(),
    files: beside.files?.status(),
    place: beside.place?.status(),
    sleep: beside.sleep?.status(),
    tunnels: beside.tunnels?.status(),
    programs: beside.programs?.status(),
    regime: beside.regime?.status(),
    fences: beside.fences?.status(),
    time: beside.time?.status(),
    shadows: shadowsOf(beside.shadows?.status(), updates?.report.config()),
    security: beside.security?.status(),
    defender: beside.defender?.status(),
    metrics: beside.metrics?.status(),
    vehicle: beside.vehicle?.status(),
    job: updates?.report.job(),
    jobs: updates?.report.jobs(),
    update: updates?.report.update(),
    localSockets: { view: { ...socketCounts.view }, admin: { ...socketCounts.admin } },
    rssBytes: process.memoryUsage.rss(),
  };
}

/** One section of all; absent where there are none. */
function shadowsOf(told: Status["shadows"], config: NonNullable<Status["shadows"]>["config"]): Status["shadows"] {
  return config === undefined ? told : { ...told, config };
}

/** What the agent's health is judged by at this moment: the part of the status that costs little. */
export function healthFactsOf(parts: HealthParts, clock: Clock): HealthFacts {
  const { link, line } = parts;
  return {
    configuration: configurationOf(parts),
    buses: line.buses.map(({ bus: { name }, state, detail }) => ({ name, state, detail })),
    link: link.broker.status(),
    outbox: outboxStatusOf(line),
    dataPath: dataPathOf(parts, clock),
    delivery: line.publisher.counters(),
  };
}

/** Campaigns come and go after the start: what is refused of them is what is refused now. */
function configurationOf({ loaded, line }: HealthParts): Status["configuration"] {
  return configStatus({ ...loaded, campaigns: { refused: refusedFiles(line.campaigns) } });
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

function busStatusOf({ buses, pipeline }: StatusLine, clock: Clock): Status["buses"] {
  const frames = pipeline.counters().buses;
  return buses.map(({ bus, load, hasNarrowed, state, detail, changes }) => ({
    name: bus.name,
    state,
    detail,
    changes,
    ...framesOf(frames.get(bus.name), clock),
    filtered: bus.filtered(),
    narrowed: hasNarrowed?.() === true ? true : undefined,
    ...bus.facts(),
    ...bus.counters(),
    ...load?.read(),
  }));
}

/** What the outbox holds, its disk, and why records do not get into it. */
function outboxStatusOf({ outbox, pipeline }: StatusLine): Status["outbox"] {
  const stats = { ...outbox.stats(), disk: outbox.disk() };
  const { store } = pipeline.health();
  if (store.kind === "storing" || stats.fault !== undefined) return stats;
  const { code, what, remedy, heldBytes } = store;
  return { ...stats, fault: { code, what: `${what}; ${heldBytes} bytes of records wait in memory`, remedy } };
}

function framesOf(frames: FrameCounters | undefined, clock: Clock) {
  const { decoded = 0, unknown = 0, unwanted = 0, parts = 0, assembly, lastFrameMs } = frames ?? {};
  const quietMs = lastFrameMs === undefined ? undefined : clock.monotonicMs() - lastFrameMs;
  const multiPacket = assembly === undefined ? undefined : { frames: parts, ...assembly };
  return { decoded, unknown, unwanted: unwanted > 0 ? unwanted : undefined, multiPacket, quietMs };
}
