import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { FairTurns } from "../../drivers/os/local-socket/fair-turns.ts";
import { inheritedSockets } from "../../drivers/os/local-socket/inherited-sockets.ts";
import { serveLocalSocket } from "../../drivers/os/local-socket/local-socket.ts";
import { ReplyBacklog } from "../../drivers/os/local-socket/reply-backlog.ts";
import type { Service } from "../core/lifecycle.ts";
import { type AdminParts, createAdmin } from "../local-api/buffer-handlers.ts";
import { type CommandHandlerParts, commandAdmin, commandView } from "../local-api/command-handlers.ts";
import { createIdentityAdmin, type IdentityAdminParts } from "../local-api/identity-handlers.ts";
import { jobAdmin, jobView } from "../local-api/job-verbs.ts";
import { otaAdmin, otaView } from "../local-api/ota-verbs.ts";
import { createView, type ViewHandler, type ViewParts } from "../local-api/signals-handlers.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { SupportCollector } from "../support/support-collector.ts";
import { supportView } from "./compose-support.ts";
import type { Updates } from "./compose-update.ts";
import { socketService } from "./services.ts";

/** Who may look and who may change. The modes count where no socket unit has opened them (a bench). */
const MODES = { view: 0o660, admin: 0o600 } as const;
/** A request with a document of a job or a command, with room. */
const MAX_REQUEST_BYTES = 65_536;

/** The counts of a socket at the start of the agent. */
export function noClients(): SocketCounts {
  return { clients: 0, requests: 0, refused: 0, displaced: 0, idle: 0, slow: 0 };
}

type Handlers = Readonly<Record<string, ViewHandler>>;

/** What the local sockets answer from, and act on. `environment` says which of them systemd has opened. */
export type SocketParts = ViewParts &
  AdminParts &
  IdentityAdminParts & {
    readonly config: Pick<AgentConfig, "runtimeDir" | "localSockets">;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly outbox: Outbox;
    readonly commands: CommandHandlerParts;
    readonly updates: Updates | undefined;
    readonly support: SupportCollector;
    readonly socketCounts: Readonly<Record<keyof typeof MODES, SocketCounts>>;
  };

/** The part of the composition root that wires view.sock and admin.sock. Who may change may look too. */
export function composeSockets(parts: SocketParts): readonly Service[] {
  const { config, environment, commands, updates, support, log } = parts;
  const ota = updates === undefined ? {} : { ...otaView(updates.verbs), ...jobView(updates.jobVerbs) };
  const otaChanges = updates === undefined ? {} : { ...otaAdmin(updates.verbs), ...jobAdmin(updates.jobVerbs) };
  const view = { ...createView(parts), ...commandView(commands), ...ota, ...supportView(support) };
  const changes = { ...createAdmin(parts), ...createIdentityAdmin(parts), ...commandAdmin(commands), ...otaChanges };
  const inherited = inheritedSockets(environment);
  const { viewClients, adminClients, share, maxBacklogBytes, idleSeconds, takeSeconds, ...rates } = config.localSockets;
  const shared = { turns: new FairTurns(share), backlog: new ReplyBacklog(maxBacklogBytes) };
  const times = { idleMs: idleSeconds * 1000, takeMs: takeSeconds * 1000 };
  const bounds = { ...rates, ...times, maxLineBytes: MAX_REQUEST_BYTES };
  const socket = (name: keyof typeof MODES, maxClients: number, handlers: Handlers): Service => {
    const place = { path: join(config.runtimeDir, `${name}.sock`), mode: MODES[name], descriptor: inherited.get(name) };
    const counts = parts.socketCounts[name];
    return socketService(name, () =>
      serveLocalSocket({ ...place, maxClients, bounds, ...shared, counts, handlers, log }),
    );
  };
  return [socket("view", viewClients, view), socket("admin", adminClients, { ...view, ...changes })];
}
