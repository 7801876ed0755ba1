import type { OpenProgramSession, ProgramSocketCounts } from "../../../agent/ports/program-socket.ts";
import type { FairTurns } from "./fair-turns.ts";
import { type LocalSocket, type SocketPlace, serveConnections } from "./local-server.ts";
import { type ProgramBounds, ProgramConnection } from "./program-connection.ts";

/** A program that sent something so recently keeps its place, ms: a flood of connections must not push out who is at work. */
const KEEPS_PLACE_MS = 1000;

/** How programs are served. */
export type ProgramSocketSettings = {
  readonly place: SocketPlace;
  readonly open: OpenProgramSession;
  /** Further ones get the place of the one that has sent nothing for longest; else they are ended. */
  readonly maxConnections: number;
  readonly bounds: ProgramBounds;
  readonly turns: FairTurns;
  /** Counted up. */
  readonly counts: ProgramSocketCounts;
};

/** Takes lines of other programs on a Unix stream socket, and answers each with a line. Makes and finds the socket, and rejects, as `serveLocalSocket`. */
export async function serveProgramSocket(settings: ProgramSocketSettings): Promise<LocalSocket> {
  const { place, open, maxConnections, bounds, turns, counts } = settings;
  return await serveConnections(place, {
    counts,
    max: maxConnections,
    makeRoom: (connections: Set<ProgramConnection>) => makeRoom(connections, counts),
    // A socket that is paused is read on until so much waits: in single bytes, that is work that no turn counts.
    highWaterBytes: 1,
    connect: (socket) => new ProgramConnection({ socket, open, bounds, turns, counts }),
  });
}

/** Ends the idle connection that has been quiet for longest; false when none has for a while. */
function makeRoom(connections: Set<ProgramConnection>, counts: ProgramSocketCounts): boolean {
  const beforeMs = performance.now() - KEEPS_PLACE_MS;
  let quietest: ProgramConnection | undefined;
  for (const connection of connections) {
    if (!connection.isIdle || connection.lastMs > beforeMs) continue;
    if (quietest === undefined || connection.lastMs < quietest.lastMs) quietest = connection;
  }
  if (quietest === undefined) return false;
  quietest.end();
  connections.delete(quietest);
  counts.displaced += 1;
  return true;
}
