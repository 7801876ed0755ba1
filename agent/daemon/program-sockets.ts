import { join } from "node:path";
import type { ProgramsConfig } from "../../config/programs.ts";
import { FairTurns } from "../../drivers/os/local-socket/fair-turns.ts";
import { inheritedSockets } from "../../drivers/os/local-socket/inherited-sockets.ts";
import { serveProgramSocket } from "../../drivers/os/local-socket/program-server.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { OpenProgramSession, ProgramSocketCounts } from "../ports/program-socket.ts";
import type { Runtime } from "./parts.ts";
import { socketService } from "./services.ts";

/** Who may hand over records. It counts where no socket unit has opened the socket (a bench). */
const MODE = 0o660;

export type ProgramSocketParts = {
  readonly settings: ProgramsConfig;
  readonly runtimeDir: string;
  /** For the socket of the program of this name; undefined: for the one that all others share. */
  readonly openFor: (owner: string | undefined) => OpenProgramSession;
};

export type ProgramSockets = {
  readonly service: Service;
  /** Over all of them. */
  readonly counts: () => ProgramSocketCounts;
  /** Why some are not served; undefined while all are. */
  readonly problem: () => string | undefined;
};

/** One of them, by the name that its socket unit gives it. */
type Place = {
  readonly name: string;
  readonly owner: string | undefined;
  readonly unit: string;
  readonly counts: ProgramSocketCounts;
};

/** publish.sock, and one for each program that has its own. One that cannot be served is told, and everything else goes on. */
export function programSockets(parts: ProgramSocketParts, { environment, log }: Runtime): ProgramSockets {
  const { settings, runtimeDir, openFor } = parts;
  const { maxLineBytes, takeSeconds, share, connections: maxConnections } = settings;
  const places = placesOf(settings);
  const bounds = { maxLineBytes, takeMs: takeSeconds * 1000 };
  const problems: string[] = [];
  const serveOne = async (
    { name, owner, unit, counts }: Place,
    turns: FairTurns,
  ): Promise<{ stop(): Promise<void> }> => {
    const descriptor = inheritedSockets(environment).get(name);
    const place = { path: join(runtimeDir, `${name}.sock`), mode: MODE, descriptor };
    try {
      return await serveProgramSocket({ place, open: openFor(owner), maxConnections, bounds, turns, counts });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      const { code, message } = thrown;
      problems.push(message);
      const remedy = `systemctl enable ${unit}, then systemctl restart causeway`;
      log.error("programs.not-served", { code, what: message, remedy });
      return { stop: async () => undefined };
    }
  };
  const serve = async (): Promise<{ stop(): Promise<void> }> => {
    const turns = new FairTurns(share);
    const served = await Promise.all(places.map((place) => serveOne(place, turns)));
    return { stop: async () => void (await Promise.all(served.map((socket) => socket.stop()))) };
  };
  return {
    service: socketService("publish", serve),
    counts: () => sumOf(places.map(({ counts }) => counts)),
    problem: () => (problems.length === 0 ? undefined : problems.join("; ")),
  };
}

/** Nothing is served that nobody may use. */
function placesOf({ clients, unnamed }: ProgramsConfig): readonly Place[] {
  const own = clients.filter(({ ownSocket }) => ownSocket);
  const isShared = unnamed !== undefined || own.length < clients.length;
  return [
    ...(isShared ? [placeOf("publish", undefined, "causeway-publish.socket")] : []),
    ...own.map(({ name }) => placeOf(`publish-${name}`, name, `causeway-publish@${name}.socket`)),
  ];
}

function placeOf(name: string, owner: string | undefined, unit: string): Place {
  return { name, owner, unit, counts: noCounts() };
}

function noCounts(): ProgramSocketCounts {
  return { clients: 0, refused: 0, displaced: 0, slow: 0, tooLong: 0 };
}

function sumOf(all: readonly ProgramSocketCounts[]): ProgramSocketCounts {
  const sum = noCounts();
  for (const { clients, refused, displaced, slow, tooLong } of all) {
    sum.clients += clients;
    sum.refused += refused;
    sum.displaced += displaced;
    sum.slow += slow;
    sum.tooLong += tooLong;
  }
  return sum;
}
