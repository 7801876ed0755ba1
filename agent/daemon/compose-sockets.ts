import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { FairTurns } from "../../drivers/os/local-socket/fair-turns.ts";
import { inheritedSockets } from "../../drivers/os/local-socket/inherited-sockets.ts";
import { serveLocalSocket } from "../../drivers/os/local-socket/local-server.ts";
import { ReplyBacklog } from "../../drivers/os/local-socket/reply-backlog.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { RecentLog } from "../core/recent-log.ts";
import { absentVerbs } from "../local-api/absent-sections.ts";
import { bufferHandlers } from "../local-api/buffer-handlers.ts";
import { campaignsHandlers } from "../local-api/campaigns-handlers.ts";
import { type CommandsParts, commandsHandlers } from "../local-api/commands-handlers.ts";
import { fileHandlers } from "../local-api/files-handlers.ts";
import { identityHandlers } from "../local-api/identity-handlers.ts";
import { jobsHandlers } from "../local-api/jobs-handlers.ts";
import { type LogsHandlerParts, logsHandlers } from "../local-api/logs-handlers.ts";
import { metricsHandlers } from "../local-api/metrics-handlers.ts";
import { otaHandlers } from "../local-api/ota-handlers.ts";
import { samplesHandler } from "../local-api/samples-handlers.ts";
import { signalsHandlers } from "../local-api/signals-handlers.ts";
import { type Status, statusVerb } from "../local-api/status-schema.ts";
import { type SupportHandlerParts, supportHandlers } from "../local-api/support-handlers.ts";
import { noTunnelHandlers } from "../local-api/tunnels-handlers.ts";
import { type ServedVerb, type SocketName, servedOn } from "../local-api/verb.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import type { Updates } from "./compose-updates.ts";
import type { CloudLink, DataLine, Runtime, SideLines } from "./parts.ts";
import { socketService } from "./services.ts";

/** Who may look and who may change. The modes count where no socket unit has opened them (a bench). */
const MODES = { view: 0o660, admin: 0o600 } as const;
/** A request with a document of a job or a command, with room. */
const MAX_REQUEST_BYTES = 65_536;

/** The counts of a socket at the start of the agent. */
export function noClients(): SocketCounts {
  return { clients: 0, requests: 0, refused: 0, displaced: 0, idle: 0, slow: 0 };
}

/** What the verbs look at, and act on. */
export type VerbParts = {
  readonly status: () => Status;
  readonly link: CloudLink;
  readonly line: DataLine;
  /** Undefined where no remote commands are taken. */
  readonly commands: CommandsParts | undefined;
  /** Undefined where no updates are taken. */
  readonly updates: Pick<Updates, "verbs" | "jobVerbs"> | undefined;
  readonly support: SupportHandlerParts & { readonly logSlice: LogsHandlerParts["slice"] };
  readonly recentLog: Pick<RecentLog, "logged">;
  readonly beside: Pick<SideLines, "diagnostics" | "place" | "fences" | "sleep" | "tunnels" | "files" | "vehicle">;
};

/** All that the local sockets answer. */
export function composeVerbs(parts: VerbParts, { clock, log, metrics, startedAtMs }: Runtime): readonly ServedVerb[] {
  const { link, line, updates, beside } = parts;
  const { broker, renewal } = link;
  const { outbox, pipeline, publisher, vehicle } = line;
  const retryNow = (): void => {
    broker.retryNow();
    publisher.retryNow();
  };
  const signalsParts = {
    latest: () => pipeline.latest(),
    derived: () => line.campaigns.set.derived(),
    signals: vehicle.signals,
    clock,
  };
  const served = [
    statusVerb.answeredBy(parts.status),
    ...signalsHandlers(signalsParts),
    samplesHandler(signalsParts),
    ...bufferHandlers({ outbox, retryNow, forgetDelivered: () => publisher.forgetDelivered(), clock, log }),
    ...identityHandlers({ renewal, broker, log }),
    ...campaignsHandlers(line.campaigns, log),
    ...commandsHandlers(parts.commands),
    ...(updates === undefined ? [] : otaHandlers(updates.verbs)),
    ...(updates?.jobVerbs === undefined ? [] : jobsHandlers(updates.jobVerbs)),
    ...(beside.diagnostics?.verbs ?? []),
    ...(beside.place?.verbs ?? []),
    ...(beside.fences?.verbs ?? []),
    ...(beside.vehicle?.verbs ?? []),
    ...(beside.sleep?.verbs ?? []),
    ...metricsHandlers(() => metrics.all()),
    ...(beside.tunnels?.verbs ?? noTunnelHandlers()),
    ...fileHandlers(beside.files?.local, log),
    ...supportHandlers(parts.support),
    ...logsHandlers({
      startedAtMs,
      logged: parts.recentLog.logged,
      slice: (wanted, maxBytes, after) => parts.support.logSlice(wanted, maxBytes, after),
    }),
  ];
  return [...served, ...absentVerbs(served)];
}

/** What the local sockets are served with. `environment` says which of them systemd has opened. */
export type SocketParts = {
  readonly config: Pick<AgentConfig, "runtimeDir" | "localSockets">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly verbs: readonly ServedVerb[];
  readonly socketCounts: Readonly<Record<SocketName, SocketCounts>>;
  readonly log: Log;
};

/** The part of the composition root that wires view.sock and admin.sock. Who may change may look too. */
export function composeSockets({ config, environment, verbs, socketCounts, log }: SocketParts): readonly Service[] {
  const inherited = inheritedSockets(environment);
  const { viewClients, adminClients, share, maxBacklogBytes, idleSeconds, takeSeconds, ...rates } = config.localSockets;
  const shared = { turns: new FairTurns(share), backlog: new ReplyBacklog(maxBacklogBytes) };
  const times = { idleMs: idleSeconds * 1000, takeMs: takeSeconds * 1000 };
  const bounds = { ...rates, ...times, maxLineBytes: MAX_REQUEST_BYTES };
  const socket = (name: SocketName, maxClients: number): Service => {
    const place = { path: join(config.runtimeDir, `${name}.sock`), mode: MODES[name], descriptor: inherited.get(name) };
    const counts = socketCounts[name];
    const handlers = servedOn(name, verbs);
    return socketService(name, () => serveLocalSocket({ place, handlers, log, maxClients, bounds, shared, counts }));
  };
  return [socket("view", viewClients), socket("admin", adminClients)];
}
