import type { LocalConnection, OpenLocalConnection, TunnelSocket, TunnelSocketHandlers } from "../ports/tunnel.ts";
import { ProtobufWriter } from "../telemetry/record/encode/protobuf-writer.ts";
import { encodeFrame, FrameAssembly, type ReadFrame } from "./frames.ts";
import { DestinationStreams, type StreamCounts, type StreamEffect } from "./streams.ts";

/** How a connection to a local service was over. `detail` is for people; "" where one side closed in order. */
export type ConnectionEnd = {
  readonly service: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly detail: string;
};

/** What a session tells whoever counts and records. `bytes` are those of local services, without frames around them. */
export type SessionReport = {
  moved(direction: "in" | "out", bytes: number): void;
  /** So many bytes came or went over the WebSocket, with what is around those of services. */
  carried(bytes: number): void;
  /** `connection` is a number that is never used twice in a session. */
  opened(connection: number, service: string): void;
  ended(connection: number, end: ConnectionEnd): void;
};

export type SessionParts = {
  /** Local ports by service. */
  readonly ports: ReadonlyMap<string, number>;
  readonly maxConnections: number;
  /** Whether another local connection may be opened now: a source that opens and closes them for ever wears the service out. */
  readonly mayOpen: () => boolean;
  readonly readFrame: ReadFrame;
  readonly openLocal: OpenLocalConnection;
  readonly report: SessionReport;
};

/** Frames that wait behind a WebSocket which takes nothing: one of each local connection, and answers to a service that takes none of them. */
const MOST_BEHIND = 1024;

type Local = { readonly connection: LocalConnection; readonly service: string; in: number; out: number };

/** How a WebSocket ended. "violated": the other side does what it must not, and is not gone back to. */
export type SessionEnd = { readonly kind: "cut" | "violated"; readonly detail: string };

/**
 * One WebSocket of a tunnel and the local connections behind it. Nothing is queued here: while a local service takes nothing, the WebSocket
 * is not read, and while the WebSocket takes nothing, no local service is.
 */
export class TunnelSession {
  readonly #parts: SessionParts;
  readonly #frames: FrameAssembly;
  /** One for all frames: a flood that has to be answered is no flood of buffers. */
  readonly #writer = new ProtobufWriter();
  readonly #locals = new Map<number, Local>();
  /** Connections whose services take nothing for now. */
  readonly #full = new Set<number>();
  readonly #over = Promise.withResolvers<SessionEnd>();
  /** Undefined before `begin`, and after the end. */
  #open: { readonly socket: TunnelSocket; readonly streams: DestinationStreams } | undefined;
  #isOver = false;
  /** It stays for the counts when the WebSocket is gone. */
  #streams: DestinationStreams | undefined;
  #isCongested = false;
  #behind = 0;
  /** Connections beyond the rate of `mayOpen`. */
  #tooMany = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#frames = new FrameAssembly(parts.readFrame);
  }

  /** Resolves at the end. */
  get over(): Promise<SessionEnd> {
    return this.#over.promise;
  }

  get connections(): number {
    return this.#locals.size;
  }

  counts(): StreamCounts {
    const { ignored, refused } = this.#streams?.counts() ?? { ignored: 0, refused: 0 };
    return { ignored, refused: refused + this.#tooMany };
  }

  /** For whoever connects the WebSocket. */
  readonly handlers: TunnelSocketHandlers = {
    onBytes: (bytes) => {
      this.#parts.report.carried(bytes.length);
      this.#take(bytes);
    },
    onDrain: () => {
      this.#isCongested = false;
      this.#behind = 0;
      for (const { connection } of this.#locals.values()) connection.resume();
    },
    onClosed: (detail) => this.#end({ kind: "cut", detail }),
  };

  /** The WebSocket is open, and paused until here. */
  begin(socket: TunnelSocket): void {
    if (this.#isOver) {
      socket.close();
      return;
    }
    const services = [...this.#parts.ports.keys()];
    const { maxConnections } = this.#parts;
    const streams = new DestinationStreams({ protocol: socket.protocol, services, maxConnections });
    this.#streams = streams;
    this.#open = { socket, streams };
    socket.resume();
  }

  /** Ends it and all local connections; idempotent. */
  close(detail: string): void {
    this.#end({ kind: "cut", detail });
  }

  #take(bytes: Uint8Array): void {
    for (const frame of this.#frames.take(bytes)) {
      if (this.#open === undefined) return;
      if (frame === "malformed") {
        this.#end({ kind: "violated", detail: "what came is no frame" });
        return;
      }
      this.#act(this.#open.streams.take(frame));
    }
  }

  #act(effects: readonly StreamEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "open":
          this.#openLocal(effect.connection, effect.service);
          break;
        case "write":
          this.#write(effect.connection, effect.bytes);
          break;
        case "close":
          this.#forget(effect.connection, "")?.connection.end();
          break;
        case "send":
          this.#send(encodeFrame(effect.frame, this.#writer));
          break;
        case "end":
          this.#end({ kind: "violated", detail: effect.why });
      }
    }
  }

  #send(bytes: Uint8Array): void {
    if (this.#open === undefined) return;
    this.#parts.report.carried(bytes.length);
    if (this.#open.socket.send(bytes)) return;
    this.#behind += 1;
    if (this.#behind > MOST_BEHIND) {
      this.#end({ kind: "violated", detail: "the service asks on and on, and takes no answer" });
      return;
    }
    if (this.#isCongested) return;
    this.#isCongested = true;
    for (const { connection } of this.#locals.values()) connection.pause();
  }

  #openLocal(number: number, service: string): void {
    const port = this.#parts.ports.get(service);
    if (port === undefined || !this.#parts.mayOpen()) {
      this.#tooMany += 1;
      this.#act(this.#open?.streams.localEnded(number) ?? []);
      return;
    }
    const connection = this.#parts.openLocal(port, {
      onBytes: (bytes) => this.#takeLocal(number, bytes),
      onDrain: () => this.#drained(number),
      onEnded: (detail) => {
        this.#forget(number, detail);
        this.#act(this.#open?.streams.localEnded(number) ?? []);
      },
    });
    if (this.#isCongested) connection.pause();
    this.#locals.set(number, { connection, service, in: 0, out: 0 });
    this.#parts.report.opened(number, service);
  }

  #takeLocal(number: number, bytes: Uint8Array): void {
    const local = this.#locals.get(number);
    if (local === undefined || this.#open === undefined) return;
    local.out += bytes.length;
    this.#parts.report.moved("out", bytes.length);
    this.#act(this.#open.streams.localData(number, bytes));
  }

  #write(number: number, bytes: Uint8Array): void {
    const local = this.#locals.get(number);
    if (local === undefined) return;
    local.in += bytes.length;
    this.#parts.report.moved("in", bytes.length);
    if (local.connection.write(bytes)) return;
    this.#full.add(number);
    this.#open?.socket.pause();
  }

  #drained(number: number): void {
    if (this.#full.delete(number) && this.#full.size === 0) this.#open?.socket.resume();
  }

  #forget(number: number, detail: string): Local | undefined {
    const local = this.#locals.get(number);
    if (local === undefined) return undefined;
    this.#locals.delete(number);
    this.#drained(number);
    const { service, in: bytesIn, out: bytesOut } = local;
    this.#parts.report.ended(number, { service, bytesIn, bytesOut, detail });
    return local;
  }

  #end(end: SessionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const opened = this.#open;
    this.#open = undefined;
    opened?.socket.close();
    for (const number of this.#locals.keys()) this.#forget(number, end.detail)?.connection.end();
    this.#over.resolve(end);
  }
}
