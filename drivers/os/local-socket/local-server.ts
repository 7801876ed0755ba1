import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { AgentError, errnoOf, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { LocalHandler, SocketCounts } from "../../../agent/ports/local-socket.ts";
import { connectTo } from "./local-client.ts";
import { type ClientBounds, LocalConnection, type SharedBounds } from "./local-connection.ts";

/** Bytes of sun_path, its closing zero taken off (unix(7)). */
const MAX_PATH_BYTES = 107;
/** A stream younger than this keeps its place: a flood of clients must not push out who has just come. */
const LEAST_STREAM_MS = 5000;

/** Where a local socket is. */
export type SocketPlace = {
  readonly path: string;
  /** File mode: who may connect (unix(7): connecting needs write permission). */
  readonly mode: number;
  /** A socket at `path` that the service manager has opened and listens on already; its mode and its removal are the manager's. */
  readonly descriptor?: number | undefined;
};

/** How a local socket is served. */
export type LocalSocketSettings = {
  readonly place: SocketPlace;
  /** By verb. A handler parses its request itself; what its schema throws is told to the client. */
  readonly handlers: Readonly<Record<string, LocalHandler>>;
  readonly log: Log;
  /** Further clients get the place of one that asks nothing, or that has been given values for longest; else they are rejected. */
  readonly maxClients: number;
  readonly bounds: ClientBounds;
  readonly shared: SharedBounds;
  /** Counted up. */
  readonly counts: SocketCounts;
};

/** A socket that is served. */
export type LocalSocket = {
  /** Takes no more requests, lets answers that are being made go out where that is soon, and removes the socket. Idempotent, never rejects. */
  stop(): Promise<void>;
};

/**
 * Answers requests on a Unix stream socket, one JSON value a line each way: `{"verb":"status"}` gives the value, or
 * `{"error":{"code","what","remedy"}}`; an answer of many values ends with `{"end":true}`.
 *
 * The folder is made (0750) where missing; a socket that nobody serves is replaced. Rejects with `agent.already-running` when
 * someone does, `agent.not-permitted` or `config.invalid` when the path cannot be used.
 */
export async function serveLocalSocket(settings: LocalSocketSettings): Promise<LocalSocket> {
  const { place, handlers, log, maxClients, bounds, shared, counts } = settings;
  return await serveConnections(place, {
    counts,
    max: maxClients,
    makeRoom,
    onRefused: () => log.warn("socket.client-refused", { reason: "full", maxClients }),
    connect: (socket) => new LocalConnection({ socket, handlers, bounds, shared, counts, log }),
  });
}

/** Who is connected, and who may be. */
type Connections<C> = {
  readonly counts: { clients: number; refused: number };
  readonly max: number;
  /** Ends one whose place another may have, and takes it out; false when there is none. */
  readonly makeRoom: (connections: Set<C>) => boolean;
  readonly onRefused?: () => void;
  /** Bytes that wait, each way, before a socket that is paused is read no more, and before one is full; as Node has it when absent. */
  readonly highWaterBytes?: number;
  readonly connect: (socket: Socket) => C;
};

/** Serves connections of a Unix stream socket, at most `max` at a time. Makes and finds the socket, and rejects, as `serveLocalSocket`. */
export async function serveConnections<C extends { finish(): void }>(
  place: SocketPlace,
  { counts, max, makeRoom: ends, onRefused, highWaterBytes, connect }: Connections<C>,
): Promise<LocalSocket> {
  const connections = new Set<C>();
  const server = createServer({ allowHalfOpen: true, highWaterMark: highWaterBytes }, (socket) => {
    if (connections.size >= max && !ends(connections)) {
      onRefused?.();
      counts.refused += 1;
      socket.destroy();
      return;
    }
    const connection = connect(socket);
    connections.add(connection);
    counts.clients = connections.size;
    socket.on("close", () => {
      connections.delete(connection);
      counts.clients = connections.size;
    });
  });
  await listenAt(server, place);
  let stopped: Promise<void> | undefined;
  return {
    stop: () => {
      stopped ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.finish();
      });
      return stopped;
    },
  };
}

/** Ends the client whose place another may have; false when all are being answered. */
function makeRoom(connections: Set<LocalConnection>): boolean {
  const streamsSinceMs = performance.now() - LEAST_STREAM_MS;
  const rank = ({ yields, sinceMs }: LocalConnection): number | undefined => {
    if (yields === "idle") return sinceMs - Number.MAX_SAFE_INTEGER;
    return yields === "streaming" && sinceMs < streamsSinceMs ? sinceMs : undefined;
  };
  const ranked = [...connections].flatMap((connection) => {
    const at = rank(connection);
    return at === undefined ? [] : [{ connection, at }];
  });
  const [first] = ranked.sort((a, b) => a.at - b.at);
  if (first === undefined) return false;
  first.connection.displace();
  connections.delete(first.connection);
  return true;
}

async function clearPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new AgentError("config.invalid", {
      what: `${path} is too long for a socket: ${Buffer.byteLength(path)} bytes, at most ${MAX_PATH_BYTES}`,
      remedy: "choose a shorter runtimeDir",
    });
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw new Error("something that is no socket is there");
    await connectTo(path).then((socket) => {
      socket.destroy();
      throw alreadyRunning(path);
    }, ignoreNobody);
    rmSync(path);
  } catch (thrown) {
    throw thrown instanceof AgentError ? thrown : unusable(path, thrown);
  }
}

function ignoreNobody(thrown: unknown): void {
  if (thrown instanceof AgentError && thrown.code === "agent.not-running") return;
  throw thrown;
}

/** Listens where `place` says; rejects as `serveLocalSocket`. */
export async function listenAt(server: Server, { path, mode, descriptor }: SocketPlace): Promise<void> {
  if (descriptor === undefined) await clearPath(path);
  try {
    server.listen(descriptor === undefined ? { path } : { fd: descriptor });
    await once(server, "listening");
    if (descriptor === undefined) chmodSync(path, mode);
  } catch (thrown) {
    server.close();
    throw errnoOf(thrown) === "EADDRINUSE" ? alreadyRunning(path) : unusable(path, thrown);
  }
}

function alreadyRunning(path: string): AgentError {
  return new AgentError("agent.already-running", {
    what: `another agent answers on ${path}`,
    remedy: "stop the other agent first: systemctl stop causeway, or end the other `causeway run`",
  });
}

function unusable(path: string, thrown: unknown): AgentError {
  return new AgentError("agent.not-permitted", {
    what: `${path} cannot be used: ${messageOf(thrown)}`,
    remedy: "make runtimeDir writable for the agent's user, or choose another one",
    cause: thrown,
  });
}
