import type { Socket } from "node:net";
import type { Log } from "../../agent/core/log.ts";
import { LineSplitter } from "./line-splitter.ts";
import { END_LINE, errorLineOf, type LocalRequest, parseRequest } from "./local-protocol.ts";

/** Requests that may wait behind the one that runs. */
const MAX_WAITING = 16;
/** A client that takes nothing for this long, or asks nothing, makes room for another. */
const PATIENCE_MS = 30_000;

/**
 * Answers one request: a value, a promise of one, or one value after the other. Values are JSON, and objects among them have no
 * key `error` or `end`. `signal` aborts when the client has gone.
 */
export type LocalHandler = (request: LocalRequest, signal: AbortSignal) => unknown;

/** What a connection is served with. */
export type ConnectionParts = {
  readonly socket: Socket;
  readonly handlers: Readonly<Record<string, LocalHandler>>;
  readonly maxLineBytes: number;
  readonly log: Log;
};

/** One client: its requests are answered one after the other. What a hostile client can hold is bounded in bytes, requests and time. */
export class LocalConnection {
  readonly #parts: ConnectionParts;
  readonly #splitter: LineSplitter;
  readonly #gone = new AbortController();
  readonly #waiting: string[] = [];
  #isAnswering = false;
  #isStreaming = false;
  #hasEnded = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#splitter = new LineSplitter(parts.maxLineBytes);
    const { socket } = parts;
    socket.setTimeout(PATIENCE_MS);
    socket.on("timeout", () => {
      if (!this.#isAnswering || socket.writableNeedDrain) socket.destroy();
    });
    // Reading never pauses: only so is the end of a client seen while its request runs.
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#gone.abort());
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#parts.socket.destroy();
  }

  #take(chunk: Buffer): void {
    const lines = this.#splitter.push(chunk);
    if (lines === "too-long" || this.#waiting.length + lines.length > MAX_WAITING) {
      const { maxLineBytes, log, socket } = this.#parts;
      log.warn("socket.client-refused", { maxLineBytes, maxWaiting: MAX_WAITING });
      socket.destroy();
      return;
    }
    this.#waiting.push(...lines);
    if (!this.#isAnswering) void this.#answerAll();
  }

  /** A client may close its sending side and wait for the answer; a stream has no end to wait for. */
  #end(): void {
    this.#hasEnded = true;
    if (this.#isStreaming) this.#gone.abort();
    if (!this.#isAnswering) this.#parts.socket.end();
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (line.trim() !== "") await this.#answer(line);
    }
    this.#isAnswering = false;
    if (this.#hasEnded) this.#parts.socket.end();
  }

  async #answer(line: string): Promise<void> {
    try {
      const request = parseRequest(line);
      const { handlers } = this.#parts;
      const handler = Object.hasOwn(handlers, request.verb) ? handlers[request.verb] : undefined;
      if (handler === undefined) {
        const error = {
          code: "usage.invalid",
          what: `unknown verb ${request.verb}`,
          remedy: `known: ${Object.keys(handlers).join(", ")}`,
        };
        await this.#send({ error });
        return;
      }
      const answer: unknown = await handler(request, this.#gone.signal);
      if (isAsyncIterable(answer)) await this.#stream(answer);
      else await this.#send(answer);
    } catch (thrown) {
      const { line: error, isBug } = errorLineOf(thrown);
      if (isBug)
        this.#parts.log.error("socket.handler-failed", {
          problem: thrown instanceof Error ? thrown.stack : String(thrown),
        });
      await this.#send(error);
    }
  }

  async #stream(replies: AsyncIterable<unknown>): Promise<void> {
    this.#isStreaming = true;
    try {
      for await (const reply of replies) {
        if (this.#gone.signal.aborted || this.#hasEnded) return;
        await this.#send(reply);
      }
      await this.#send(END_LINE);
    } finally {
      this.#isStreaming = false;
    }
  }

  /** Writes one line and waits until the client has room for the next; the socket's timeout ends a client that has none. */
  async #send(value: unknown): Promise<void> {
    const { socket } = this.#parts;
    if (socket.destroyed || !socket.writable) return;
    if (socket.write(`${JSON.stringify(value ?? null)}\n`)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off("drain", go);
        socket.off("close", go);
        resolve();
      };
      socket.on("drain", go);
      socket.on("close", go);
    });
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
