import type { Socket } from "node:net";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import { LineSplitter } from "./line-splitter.ts";
import { connectTo } from "./local-client.ts";

/** Longest answer to a line, bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** Lines for publish.sock, each with its answer. */
export class LineExchange {
  readonly #socket: Socket;
  readonly #lines: AsyncGenerator<string, void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = linesOf(socket);
  }

  /** Throws as `connectTo`. */
  static async open(path: string): Promise<LineExchange> {
    return new LineExchange(await connectTo(path));
  }

  /** Sends a line and gives its answer, parsed. Throws `agent.not-running` when the connection has ended before it. */
  async ask(line: string): Promise<unknown> {
    if (this.#socket.writable) this.#socket.write(`${line}\n`);
    const next = await this.#lines.next();
    if (next.done !== true) return JSON.parse(next.value);
    throw ended("the agent closed the connection");
  }

  /** Ends it at once; an answer that is waited for does not come. */
  close(): void {
    this.#socket.destroy();
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string, void> {
  const splitter = new LineSplitter(MAX_ANSWER_BYTES);
  try {
    for await (const chunk of socket) {
      const bytes: unknown = chunk;
      const lines = Buffer.isBuffer(bytes) ? splitter.push(bytes) : [];
      if (lines === "too-long") throw ended(`an answer exceeds ${MAX_ANSWER_BYTES} bytes`);
      yield* lines;
    }
  } catch (thrown) {
    throw thrown instanceof AgentError ? thrown : ended(messageOf(thrown), thrown);
  }
}

function ended(what: string, cause?: unknown): AgentError {
  return new AgentError("agent.not-running", {
    what: `publish.sock: ${what}`,
    remedy: "hand over again what has no answer; systemctl status causeway",
    cause,
  });
}
