import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { AgentError, errnoOf, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { SocketCounts } from "../../../agent/ports/local-socket.ts";
import type { FairTurns } from "./fair-turns.ts";
import { LineSplitter } from "./line-splitter.ts";
import { type ClientBounds, LocalConnection, type LocalHandler } from "./local-connection.ts";
import { parseReply } from "./local-protocol.ts";
import type { ReplyBacklog } from "./reply-backlog.ts";

/** Bytes of sun_path, its closing zero taken off (unix(7)). */
const MAX_PATH_BYTES = 107;
const MAX_REPLY_BYTES = 64 * 1_048_576;
/** A stream younger than this keeps its place: a flood of clients must not push out who has just come. */
const LEAST_STREAM_MS = 5000;

/** How a local socket is served. */
export type LocalSocketSettings = {
  readonly path: string;
  /** File mode: who may connect (unix(7): connecting needs write permission). */
  readonly mode: number;
  /** A socket at `path` that the service manager has opened and listens on already; its mode and its removal are the manager's. */
  readonly descriptor?: number | undefined;
  /** By verb. A handler parses its request itself; what its schema throws is told to the client. */
  readonly handlers: Readonly<Record<string, LocalHandler>>;
  readonly log: Log;
  /** Further clients get the place of one that asks nothing, or that has been given values for longest; else they are turned away. */
  readonly maxClients: number;
  readonly bounds: ClientBounds;
  /** Shared by all sockets of the agent, as is `backlog`. */
  readonly turns: FairTurns;
  readonly backlog: ReplyBacklog;
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
  const { handlers, log, maxClients, bounds, turns, backlog, counts } = settings;
  const connections = new Set<LocalConnection>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (connections.size >= maxClients && !makeRoom(connections)) {
      log.warn("socket.client-refused", { reason: "full", maxClients });
      counts.refused += 1;
      socket.destroy();
      return;
    }
    const connection = new LocalConnection({ socket, handlers, bounds, turns, backlog, counts, log });
    connections.add(connection);
    counts.clients = connections.size;
    socket.on("close", () => {
      connections.delete(connection);
      counts.clients = connections.size;
    });
  });
  await listen(server, settings);
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

/** Sends one request and gives its one reply. Throws the agent's own fault, `agent.not-running` or `agent.not-permitted`. */
export async function requestLocal(path: string, request: object, signal?: AbortSignal): Promise<unknown> {
  for await (const reply of streamLocal(path, request, signal)) return reply;
  throw notAnswering(path, isAborted(signal) ? "gave no answer in time" : "closed the connection without an answer");
}

/** Sends one request that is answered with many values, and gives them as they come; ends when the agent ends them or `signal` aborts. Throws as `requestLocal`. */
export async function* streamLocal(path: string, request: object, signal?: AbortSignal): AsyncGenerator<unknown> {
  const socket = await connectTo(path);
  const onAbort = (): void => void socket.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (isAborted(signal)) return;
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of linesOf(socket, path, signal)) {
      const reply = parseReply(line);
      if (reply.kind === "error") throw reply.fault;
      if (reply.kind === "end") return;
      yield reply.value;
    }
    if (!isAborted(signal)) throw notAnswering(path, "closed the connection");
  } finally {
    signal?.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
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

async function listen(server: Server, { path, mode, descriptor }: LocalSocketSettings): Promise<void> {
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

async function connectTo(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return socket;
  } catch (thrown) {
    socket.destroy();
    if (errnoOf(thrown) === "EACCES" || errnoOf(thrown) === "EPERM") {
      throw new AgentError("agent.not-permitted", {
        what: `${path}: permission denied`,
        remedy: `run as a member of the group that owns it (ls -l ${path}), or with sudo`,
        cause: thrown,
      });
    }
    throw notAnswering(path, messageOf(thrown), thrown);
  }
}

function notAnswering(path: string, problem: string, cause?: unknown): AgentError {
  return new AgentError("agent.not-running", {
    what: `the agent is not running: ${path}: ${problem}`,
    remedy: "systemctl start causeway, or causeway run --config FILE; runtimeDir must be the agent's",
    cause,
  });
}

async function* linesOf(socket: Socket, path: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const splitter = new LineSplitter(MAX_REPLY_BYTES);
  try {
    for await (const chunk of chunksOf(socket)) {
      const lines = splitter.push(chunk);
      if (lines === "too-long") throw notAnswering(path, `a reply exceeds ${MAX_REPLY_BYTES} bytes`);
      yield* lines;
    }
  } catch (thrown) {
    if (isAborted(signal)) return;
    throw thrown instanceof AgentError ? thrown : notAnswering(path, messageOf(thrown), thrown);
  }
}

async function* chunksOf(socket: Socket): AsyncGenerator<Buffer> {
  for await (const chunk of socket) {
    const bytes: unknown = chunk;
    if (Buffer.isBuffer(bytes)) yield bytes;
  }
}
