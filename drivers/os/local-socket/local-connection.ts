import type { Socket } from "node:net";
import type { Log } from "../../../agent/core/log.ts";
import { TokenBucket } from "../../../agent/core/token-bucket.ts";
import type { LocalHandler, SocketCounts } from "../../../agent/ports/local-socket.ts";
import type { FairTurns } from "./fair-turns.ts";
import { LineSplitter } from "./line-splitter.ts";
import { END_LINE, errorLineOf, parseRequest, replyLine } from "./local-protocol.ts";
import type { ReplyBacklog } from "./reply-backlog.ts";

/** Requests that may wait behind the one that runs. */
const MAX_WAITING = 16;
/** How long the end of the agent waits for an answer that is being made, ms. */
const FINISH_MS = 1000;

/** What one client may hold and ask for. */
export type ClientBounds = {
  /** Longest request. */
  readonly maxLineBytes: number;
  /** Longest line of an answer, bytes. */
  readonly maxReplyBytes: number;
  /** A client that completes no request for this long is ended. */
  readonly idleMs: number;
  /** A client that does not take a line of an answer within this time is ended, however it trickles. */
  readonly takeMs: number;
  /** As many at once, and as many a second. */
  readonly requestsPerSecond: number;
};

/** What the clients of all sockets of the agent share. */
export type SharedBounds = { readonly turns: FairTurns; readonly backlog: ReplyBacklog };

export type ConnectionParts = {
  readonly socket: Socket;
  readonly handlers: Readonly<Record<string, LocalHandler>>;
  readonly bounds: ClientBounds;
  readonly shared: SharedBounds;
  readonly counts: SocketCounts;
  readonly log: Log;
};

/** One client: its requests are answered one after the other. What a hostile client can hold is bounded in bytes, requests and time. */
export class LocalConnection {
  readonly #parts: ConnectionParts;
  readonly #splitter: LineSplitter;
  readonly #gone = new AbortController();
  readonly #waiting: string[] = [];
  readonly #rate: TokenBucket;
  #sinceMs = performance.now();
  #deadline: NodeJS.Timeout | undefined;
  #isAnswering = false;
  #answered: Promise<void> = Promise.resolve();
  #isStreaming = false;
  #hasEnded = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#rate = new TokenBucket(parts.bounds.requestsPerSecond, 1000, () => performance.now());
    this.#splitter = new LineSplitter(parts.bounds.maxLineBytes);
    this.#expectRequest();
    const { socket } = parts;
    // Reading never pauses: only so is the end of a client seen while its request runs.
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(this.#deadline);
      this.#gone.abort();
    });
  }

  /** Whether another client may have its place: it asks nothing, or has been given values without end for longest. */
  get yields(): "idle" | "streaming" | undefined {
    if (!this.#isAnswering) return "idle";
    return this.#isStreaming ? "streaming" : undefined;
  }

  /** Monotonic ms since when it has been idle or streaming. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Ends the connection so that another client has its place. */
  displace(): void {
    this.#parts.counts.displaced += 1;
    this.#parts.socket.destroy();
  }

  /**
   * The agent ends: the answer that is being made goes out where that is soon. One to a request that makes the agent end would else be
   * lost, when it waits for its turn.
   */
  finish(): void {
    const { socket } = this.#parts;
    this.#waiting.length = 0;
    if (!this.#isAnswering || this.#isStreaming) {
      socket.destroy();
      return;
    }
    const late = setTimeout(() => socket.destroy(), FINISH_MS);
    socket.once("close", () => clearTimeout(late));
    void this.#answered.then(() => socket.destroySoon());
  }

  #take(chunk: Buffer): void {
    const lines = this.#splitter.push(chunk);
    if (lines === "too-long" || this.#waiting.length + lines.length > MAX_WAITING) {
      this.#giveUp("refused", { maxLineBytes: this.#parts.bounds.maxLineBytes, maxWaiting: MAX_WAITING });
      return;
    }
    this.#waiting.push(...lines);
    if (!this.#isAnswering && this.#waiting.length > 0) this.#answered = this.#answerAll();
  }

  /** A client may close its sending side and wait for the answer; a stream has no end to wait for. */
  #end(): void {
    this.#hasEnded = true;
    if (this.#isStreaming) this.#gone.abort();
    if (!this.#isAnswering) this.#parts.socket.end();
  }

  /** Not what arrives counts, but what is complete: a client that sends a byte at a time is idle too. */
  #expectRequest(): void {
    const { idleMs } = this.#parts.bounds;
    this.#sinceMs = performance.now();
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#giveUp("idle", { idleMs }), idleMs);
  }

  #giveUp(reason: "idle" | "slow" | "refused", facts: Readonly<Record<string, number>>): void {
    const { socket, counts, log } = this.#parts;
    if (socket.destroyed) return;
    counts[reason] += 1;
    if (reason !== "idle") log.warn("socket.client-refused", { reason, ...facts });
    socket.destroy();
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    clearTimeout(this.#deadline);
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (line.trim() === "") continue;
      await this.#mayAsk();
      if (this.#gone.signal.aborted) return;
      this.#parts.counts.requests += 1;
      await this.#answer(line);
    }
    this.#isAnswering = false;
    if (this.#hasEnded) this.#parts.socket.end();
    else if (!this.#parts.socket.destroyed) this.#expectRequest();
  }

  /** Waits until the client's rate lets it ask again. */
  async #mayAsk(): Promise<void> {
    const waitMs = this.#rate.take();
    if (waitMs > 0) {
      await this.#untilGoneOr((go) => {
        this.#deadline = setTimeout(go, waitMs);
      });
    }
    await this.#parts.shared.backlog.untilRoom();
  }

  async #answer(line: string): Promise<void> {
    const { handlers, shared, log } = this.#parts;
    try {
      const request = parseRequest(line);
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
      const answer: unknown = await shared.turns.take(() => handler(request, this.#gone.signal));
      if (isAsyncIterable(answer)) await this.#stream(answer);
      else await this.#send(answer);
    } catch (thrown) {
      const { line: error, isBug } = errorLineOf(thrown);
      if (isBug)
        log.error("socket.handler-failed", { problem: thrown instanceof Error ? thrown.stack : String(thrown) });
      await this.#send(error);
    }
  }

  async #stream(replies: AsyncIterable<unknown>): Promise<void> {
    this.#isStreaming = true;
    this.#sinceMs = performance.now();
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

  /** Writes one line and waits until the client has taken it all, for its time at most. */
  async #send(value: unknown): Promise<void> {
    const { socket, shared, bounds } = this.#parts;
    const { turns, backlog } = shared;
    const { maxReplyBytes, takeMs } = bounds;
    await backlog.untilRoom();
    const heldBytes = await turns.take(() => {
      if (socket.destroyed || !socket.writable || socket.write(replyLine(value, maxReplyBytes))) return 0;
      backlog.add(socket.writableLength);
      return socket.writableLength;
    });
    if (heldBytes === 0) return;
    const late = setTimeout(() => this.#giveUp("slow", { takeMs, waitingBytes: socket.writableLength }), takeMs);
    await this.#untilGoneOr((go) => socket.once("drain", go));
    clearTimeout(late);
    backlog.remove(heldBytes);
  }

  async #untilGoneOr(wait: (go: () => void) => unknown): Promise<void> {
    const { socket } = this.#parts;
    if (socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off("close", go);
        socket.off("drain", go);
        resolve();
      };
      socket.on("close", go);
      wait(go);
    });
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
