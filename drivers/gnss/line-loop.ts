import { type BackoffBounds, fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import type { LineLink, LineSink } from "../../agent/ports/line-link.ts";
import { LineSplitter } from "./line-splitter.ts";

const RECONNECT: BackoffBounds = { minMs: 500, maxMs: 30_000 };
/** At least so long between two attempts: chance may give 0, and a full disk of log is no use to anybody. */
const LEAST_WAIT_MS = 200;

/** What a connection tells of itself. Nothing comes after `onEnd`. */
export type ConnectionEvents = {
  onOpen(): void;
  onBytes(chunk: Buffer): void;
  onEnd(what: string, remedy: string): void;
};

/** One connection, open or on its way there. `end` makes `onEnd` come, if it has not. */
export type Connection = { write(text: string): void; end(why: string): void };

/** Opens a connection; what goes wrong comes as `onEnd`, not before this has returned. */
export type OpenConnection = (events: ConnectionEvents) => Connection;

export type LineLoopParts = {
  readonly name: string;
  /** Longest line, without its end. */
  readonly maxLineBytes: number;
  readonly open: OpenConnection;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
};

/** A `LineLink` over connections that `open` makes, one after the other. */
export class LineLoop implements LineLink {
  readonly name: string;
  readonly #parts: LineLoopParts;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #connection: Connection | undefined;
  #tooLong = 0;

  constructor(parts: LineLoopParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  start(sink: LineSink): void {
    this.#stopping = new AbortController();
    this.#running = this.#run(sink, this.#stopping.signal);
  }

  send(text: string): void {
    this.#connection?.write(text);
  }

  reset(why: string): void {
    this.#connection?.end(why);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  tooLong(): number {
    return this.#tooLong;
  }

  async #run(sink: LineSink, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    // Nothing comes before `start` has returned.
    await Promise.resolve();
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { hadLines, what, remedy } = await this.#connectOnce(sink, signal);
      if (signal.aborted) return;
      if (hadLines) attempt = 0;
      sink.onDown(what, remedy);
      await clock.sleep(LEAST_WAIT_MS + fullJitterMs(attempt, RECONNECT, random), signal);
    }
  }

  /** Resolves when the connection has ended. */
  #connectOnce(sink: LineSink, signal: AbortSignal): Promise<{ hadLines: boolean; what: string; remedy: string }> {
    const { promise, resolve } = Promise.withResolvers<{ hadLines: boolean; what: string; remedy: string }>();
    const { clock, open, maxLineBytes } = this.#parts;
    let hadLines = false;
    const before = this.#tooLong;
    const lines = new LineSplitter(maxLineBytes, (line) => {
      hadLines = true;
      if (!signal.aborted) sink.onLine(line, clock.wallUs());
    });
    const connection = open({
      onOpen: () => {
        this.#connection = connection;
        if (!signal.aborted) sink.onUp();
      },
      onBytes: (chunk) => {
        lines.feed(chunk);
        this.#tooLong = before + lines.tooLong;
      },
      onEnd: (what, remedy) => {
        this.#connection = undefined;
        signal.removeEventListener("abort", onAbort);
        resolve({ hadLines, what, remedy });
      },
    });
    const onAbort = (): void => connection.end("stopped");
    signal.addEventListener("abort", onAbort, { once: true });
    return promise;
  }
}
