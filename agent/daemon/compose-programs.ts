import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { FairTurns } from "../../drivers/os/local-socket/fair-turns.ts";
import { inheritedSockets } from "../../drivers/os/local-socket/inherited-sockets.ts";
import { serveProgramSocket } from "../../drivers/os/local-socket/program-server.ts";
import { AgentError } from "../core/errors.ts";
import type { ProgramsStatus } from "../local-api/programs-status.ts";
import { CommandDesk } from "../programs/command-desk.ts";
import { ProgramIntake } from "../programs/program-intake.ts";
import type { CollectingParts } from "./compose-fleetwise.ts";
import type { DataLine, ProgramsLine, Runtime } from "./parts.ts";
import { socketService } from "./services.ts";

/** Who may hand over records. It counts where no socket unit has opened the socket (a bench). */
const MODE = 0o660;

export type ProgramsComposeParts = {
  readonly settings: NonNullable<AgentConfig["programs"]>;
  readonly runtimeDir: string;
  readonly line: Pick<DataLine, "outbox">;
  readonly shared: Pick<CollectingParts, "encoder" | "appender">;
};

/** The part of the composition root for other programs. A socket that cannot be served is told, and everything else goes on. */
export function composePrograms(parts: ProgramsComposeParts, { clock, environment, log }: Runtime): ProgramsLine {
  const { settings, runtimeDir, line, shared } = parts;
  const { encoder, appender } = shared;
  const desk = new CommandDesk(settings.clients, randomUUID);
  const intake = new ProgramIntake({ settings, encoder, appender, outbox: line.outbox, desk, clock });
  const counts = { clients: 0, refused: 0, displaced: 0, slow: 0, tooLong: 0 };
  const place = {
    path: join(runtimeDir, "publish.sock"),
    mode: MODE,
    descriptor: inheritedSockets(environment).get("publish"),
  };
  const { maxLineBytes, takeSeconds, share, connections: maxConnections } = settings;
  const bounds = { maxLineBytes, takeMs: takeSeconds * 1000 };
  let problem: string | undefined;
  const serve = async (): Promise<{ stop(): Promise<void> }> => {
    try {
      const turns = new FairTurns(share);
      const open = intake.open.bind(intake);
      return await serveProgramSocket({ place, open, maxConnections, bounds, turns, counts });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      const { code, message } = thrown;
      problem = message;
      const remedy = "systemctl enable causeway-publish.socket, then systemctl restart causeway";
      log.error("programs.not-served", { code, what: message, remedy });
      return { stop: async () => undefined };
    }
  };
  const socket = socketService("publish", serve);
  return {
    service: {
      ...socket,
      stop: async () => {
        desk.close();
        await socket.stop();
      },
    },
    commands: desk,
    status: () => ({ ...statusOf(intake, counts), ...(problem !== undefined && { problem }) }),
  };
}

function statusOf(
  { clients, strangerLines, parts: { desk } }: ProgramIntake,
  {
    clients: connected,
    ...rest
  }: { readonly clients: number } & Record<"refused" | "displaced" | "slow" | "tooLong", number>,
): ProgramsStatus {
  const programs = [...clients.values()].map(({ name, counts, share, limits }) => {
    share.settle();
    const stored = { storedBytes: share.bytes, maxStoredBytes: limits.maxStoredBytes };
    return { name, ...counts, ...desk.countsOf(name), answers: desk.namesOf(name), ...stored };
  });
  return { connected, ...rest, strangerLines, programs };
}
