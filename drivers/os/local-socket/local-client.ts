import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { AgentError, errnoOf } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";
import { LineSplitter } from "./line-splitter.ts";
import { parseReply } from "./local-protocol.ts";

/** Longest line of an answer that is read. */
const MAX_REPLY_BYTES = 64 * 1_048_576;

/** Sends one request and gives its one reply. Throws the agent's own fault, `agent.not-running` or `agent.not-permitted`. */
export async function requestLocal(path: string, request: object, signal?: AbortSignal): Promise<unknown> {
  for await (const reply of streamLocal(path, request, signal)) return reply;
  throw isAborted(signal) ? tooSlow(path) : notAnswering(path, "closed the connection without an answer");
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

/** Connects to a local socket. Throws `agent.not-running` where nobody serves it, `agent.not-permitted` where this user may not use it. */
export async function connectTo(path: string): Promise<Socket> {
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
    throw notAnswering(path, fileTrouble(thrown), thrown);
  }
}

/** Somebody listens there, so that to start it would do nothing. */
function tooSlow(path: string): AgentError {
  return new AgentError("agent.not-running", {
    what: `the agent does not answer: ${path} gave no answer in time`,
    remedy:
      "ask again with a longer --timeout; where it stays so: systemctl status causeway, then systemctl restart causeway",
  });
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
    throw thrown instanceof AgentError ? thrown : notAnswering(path, fileTrouble(thrown), thrown);
  }
}

async function* chunksOf(socket: Socket): AsyncGenerator<Buffer> {
  for await (const chunk of socket) {
    const bytes: unknown = chunk;
    if (Buffer.isBuffer(bytes)) yield bytes;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
