import { join } from "node:path";
import type { AgentConfig } from "../config/schema.ts";
import { inheritedSockets } from "../drivers/os/inherited-sockets.ts";
import { serveLocalSocket } from "../drivers/os/local-socket.ts";
import { type AdminParts, createAdmin } from "./admin.ts";
import { createIdentityAdmin, type IdentityAdminParts } from "./admin-identity.ts";
import { type CommandHandlerParts, commandAdmin, commandView } from "./command-handlers.ts";
import { supportView } from "./compose-support.ts";
import type { Updates } from "./compose-update.ts";
import type { Service } from "./core/lifecycle.ts";
import { jobAdmin, jobView } from "./job-verbs.ts";
import { otaAdmin, otaView } from "./ota-verbs.ts";
import type { Outbox } from "./ports.ts";
import { socketService } from "./services.ts";
import type { SupportDesk } from "./support/support-desk.ts";
import { createView, type ViewHandler, type ViewParts } from "./view.ts";

/** Who may look and who may change, and how many at a time. The modes count where no socket unit has opened them (a bench). */
const VIEW_SOCKET = { mode: 0o660, maxClients: 16, maxLineBytes: 65_536 } as const;
const ADMIN_SOCKET = { mode: 0o600, maxClients: 4, maxLineBytes: 65_536 } as const;

type Handlers = Readonly<Record<string, ViewHandler>>;

/** What the local sockets answer from, and act on. `environment` says which of them systemd has opened. */
export type SocketParts = ViewParts &
  AdminParts &
  IdentityAdminParts & {
    readonly config: Pick<AgentConfig, "runtimeDir">;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly outbox: Outbox;
    readonly commands: CommandHandlerParts;
    readonly updates: Updates | undefined;
    readonly support: SupportDesk;
  };

/** The part of the composition root that wires view.sock and admin.sock. Who may change may look too. */
export function composeSockets(parts: SocketParts): readonly Service[] {
  const { config, environment, commands, updates, support, log } = parts;
  const ota = updates === undefined ? {} : { ...otaView(updates.verbs), ...jobView(updates.jobVerbs) };
  const otaChanges = updates === undefined ? {} : { ...otaAdmin(updates.verbs), ...jobAdmin(updates.jobVerbs) };
  const view = { ...createView(parts), ...commandView(commands), ...ota, ...supportView(support) };
  const changes = { ...createAdmin(parts), ...createIdentityAdmin(parts), ...commandAdmin(commands), ...otaChanges };
  const inherited = inheritedSockets(environment);
  const socket = (name: string, bounds: typeof VIEW_SOCKET | typeof ADMIN_SOCKET, handlers: Handlers): Service => {
    const path = join(config.runtimeDir, `${name}.sock`);
    const descriptor = inherited.get(name);
    return socketService(name, () => serveLocalSocket({ ...bounds, path, descriptor, handlers, log }));
  };
  return [socket("view", VIEW_SOCKET, view), socket("admin", ADMIN_SOCKET, { ...view, ...changes })];
}
