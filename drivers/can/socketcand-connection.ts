import { connect, type Socket } from "node:net";
import type { Clock } from "../../agent/core/clock.ts";
import { FrameBatch } from "../../agent/ports/frame.ts";
import type { ReceiveFilter } from "./filter.ts";
import { ElementReader, wordsOf } from "./socketcand-elements.ts";
import { FrameParser } from "./socketcand-protocol.ts";

const BATCH_FRAMES = 1024;
/** How often a connection is looked at: a quiet one is asked for an echo, one quiet for two looks more is given up. */
const POLL_MS = 3000;
const QUIET_LOOKS = 3;
/** Longest wait for written bytes to go out when the connection is ended. */
const END_WAIT_MS = 1000;

/** Where to connect. */
export type ConnectionSettings = {
  readonly host: string;
  readonly port: number;
  readonly interface: string;
};

/** What becomes of a connection. Nothing is called after `onClosed`. */
export type ConnectionEvents = {
  /** The bus is open in raw mode. */
  onReady(): void;
  /** Frames in order; `errorFrames` of them are error frames. The batch is reused as soon as this returns. */
  onFrames(batch: FrameBatch, errorFrames: number): void;
  /** An element that looks like a frame and makes no sense came; called for the first of a connection only. */
  onMalformed(): void;
  onClosed(why: string): void;
};

type Phase = "greeting" | "opening" | "switching" | "raw" | "closed";

/**
 * One TCP connection to a socketcand server: greeting, `open`, `rawmode`, then frames.
 *
 * A server that does not answer in time, refuses, or falls silent without answering `echo`, closes it.
 */
export class SocketcandConnection {
  readonly #settings: ConnectionSettings;
  readonly #filter: ReceiveFilter;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #elements = new ElementReader((bytes, start, end) => this.#onElement(bytes, start, end));
  readonly #parser = new FrameParser();
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #endLooks: () => void;
  #phase: Phase = "greeting";
  #errorFrames = 0;
  #quietLooks = 0;
  #sawMalformed = false;
  #flushDue = false;
  #unsent = "";

  constructor(settings: ConnectionSettings, filter: ReceiveFilter, events: ConnectionEvents, clock: Clock) {
    this.#settings = settings;
    this.#filter = filter;
    this.#events = events;
    this.#clock = clock;
    this.#socket = connect({ host: settings.host, port: settings.port, noDelay: true });
    this.#socket.on("data", (chunk) => this.#onData(chunk));
    this.#socket.on("error", (error) => this.#close(error.message));
    this.#socket.on("close", () => this.#close("the server closed the connection"));
    this.#endLooks = clock.every(POLL_MS, () => this.#look());
  }

  /** Bytes that the network has not taken yet. */
  get unsentBytes(): number {
    return this.#unsent.length + this.#socket.writableLength;
  }

  /** Sends an element with all others of this turn of the event loop. Only in raw mode. */
  write(element: string): void {
    this.#unsent += element;
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => this.#flushUnsent());
  }

  /** Closes without an event. Waits, bounded, until what was written before has gone out. */
  async end(): Promise<void> {
    this.#flushUnsent();
    this.#phase = "closed";
    this.#endLooks();
    const waiting = new AbortController();
    this.#socket.once("close", () => waiting.abort());
    this.#socket.destroySoon();
    if (!this.#socket.closed) await this.#clock.sleep(END_WAIT_MS, waiting.signal);
    this.#socket.destroy();
  }

  #flushUnsent(): void {
    this.#flushDue = false;
    if (this.#phase === "raw" && this.#unsent !== "") this.#socket.write(this.#unsent, "latin1");
    this.#unsent = "";
  }

  #close(why: string): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#endLooks();
    this.#socket.destroy();
    this.#events.onClosed(why);
  }

  #look(): void {
    this.#quietLooks += 1;
    if (this.#quietLooks >= QUIET_LOOKS) this.#close(`${this.#phase}: no answer from the server`);
    else if (this.#phase === "raw") this.#socket.write("< echo >");
  }

  #onData(chunk: Buffer): void {
    this.#quietLooks = 0;
    this.#elements.feed(chunk);
    this.#flushFrames();
  }

  #onElement(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase === "raw") this.#onRawElement(bytes, start, end);
    else this.#onAnswer(wordsOf(bytes, start, end));
  }

  #onAnswer(words: readonly string[]): void {
    const answer = words.join(" ");
    switch (this.#phase) {
      case "greeting":
        if (answer !== "hi") break;
        this.#phase = "opening";
        this.#socket.write(`< open ${this.#settings.interface} >`);
        return;
      case "opening":
        if (answer !== "ok") break;
        this.#phase = "switching";
        this.#socket.write("< rawmode >");
        return;
      case "switching":
        if (answer !== "ok") break;
        this.#phase = "raw";
        this.#events.onReady();
        return;
      case "raw":
      case "closed":
        return;
    }
    this.#close(`the server answered "${answer.slice(0, 80)}"`);
  }

  #onRawElement(bytes: Uint8Array, start: number, end: number): void {
    const batch = this.#batch;
    if (batch.count === batch.capacity) this.#flushFrames();
    const parsed = this.#parser.parse(bytes, start, end, batch);
    if (parsed === "malformed" && !this.#sawMalformed) {
      this.#sawMalformed = true;
      this.#events.onMalformed();
    }
    if (parsed === "error-frame") this.#errorFrames += 1;
    if (parsed === "frame") {
      const last = batch.count - 1;
      if (!this.#filter.accepts(batch.id(last), batch.flags(last))) batch.count = last;
    }
  }

  #flushFrames(): void {
    const batch = this.#batch;
    if (batch.count > 0 && this.#phase === "raw") this.#events.onFrames(batch, this.#errorFrames);
    batch.count = 0;
    this.#errorFrames = 0;
  }
}
