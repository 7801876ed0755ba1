import { frameOf, MAX_PAYLOAD_BYTES, type TunnelFrame } from "./frames.ts";

/** Versions of the protocol, newest first: V1 has one service without a name, V2 names services, V3 has several connections a stream. */
export const PROTOCOLS = [3, 2, 1] as const;
export type TunnelProtocol = (typeof PROTOCOLS)[number];

/** What is to be done for a frame, or for what a local connection did. `connection` is a number that is never used twice. */
export type StreamEffect =
  | { readonly kind: "open"; readonly connection: number; readonly service: string }
  | { readonly kind: "write"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly connection: number }
  | { readonly kind: "send"; readonly frame: TunnelFrame }
  /** The other side does what no source may: the tunnel is over. `why` is for people. */
  | { readonly kind: "end"; readonly why: string };

export type StreamSettings = {
  readonly protocol: TunnelProtocol;
  /** Services that may be reached through this tunnel. */
  readonly services: readonly string[];
  /** Of all streams, at a time. */
  readonly maxConnections: number;
};

/** A stream as the source began it; `serviceId` is as it named the service, and so how it is answered. */
type Stream = { readonly streamId: number; readonly service: string; readonly serviceId: string };
type Connection = { readonly stream: Stream; readonly id: number; readonly wireId: number };

/** What was passed over since the start. */
export type StreamCounts = {
  /** Frames that belong to no connection, or mean nothing here. */
  readonly ignored: number;
  /** Connections that were refused: unknown service, known id, or beyond `maxConnections`. */
  readonly refused: number;
};

/**
 * The streams of one WebSocket of a tunnel, as its destination: frames and what local connections do in, effects out, and nothing else.
 * It never sends STREAM_START, SESSION_RESET, SERVICE_IDS or CONNECTION_START, and no frame with a stream id that the source did not
 * choose. A source that speaks an older version than the WebSocket is answered in its own (no service id, no connection id).
 *
 * Source: aws-iot-securetunneling-localproxy, WebSocket protocol guides V1 to V3.
 */
export class DestinationStreams {
  readonly #settings: StreamSettings;
  readonly #streams = new Map<string, Stream>();
  readonly #connections = new Map<number, Connection>();
  /** What the tunnel is for, as the service says; undefined where it does not. */
  #named: readonly string[] | undefined;
  #next = 1;
  #ignored = 0;
  #refused = 0;

  constructor(settings: StreamSettings) {
    this.#settings = settings;
  }

  counts(): StreamCounts {
    return { ignored: this.#ignored, refused: this.#refused };
  }

  /** What a frame of the source, or of the service, asks for. */
  take(frame: TunnelFrame): readonly StreamEffect[] {
    switch (frame.type) {
      case "DATA":
        return this.#data(frame);
      case "STREAM_START":
        return this.#startStream(frame);
      case "CONNECTION_START":
        return this.#startConnection(frame);
      case "STREAM_RESET":
        return this.#resetStream(frame);
      case "CONNECTION_RESET":
        return this.#resetConnection(frame);
      case "SESSION_RESET":
        return this.closeAll();
      case "SERVICE_IDS":
        return this.#serviceIds(frame);
      default:
        if (frame.ignorable) return this.#ignore();
        return [{ kind: "end", why: `a frame of type ${frame.type}, which is not known` }];
    }
  }

  /** Bytes that came from a local connection; nothing for one that is closed. */
  localData(connection: number, bytes: Uint8Array): readonly StreamEffect[] {
    const found = this.#connections.get(connection);
    if (found === undefined) return [];
    const effects: StreamEffect[] = [];
    for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
      const payload = bytes.subarray(at, at + MAX_PAYLOAD_BYTES);
      effects.push({ kind: "send", frame: frameOf("DATA", { ...addressOf(found), payload }) });
    }
    return effects;
  }

  /** A local connection has ended, or never came to be; nothing for one that is closed. */
  localEnded(connection: number): readonly StreamEffect[] {
    const found = this.#connections.get(connection);
    if (found === undefined) return [];
    this.#connections.delete(connection);
    return this.#resetOf(found);
  }

  /** Closes everything, and sends nothing: the WebSocket is gone, or the source has said so. */
  closeAll(): readonly StreamEffect[] {
    this.#streams.clear();
    return this.#close(() => true);
  }

  #serviceIds({ availableServiceIds }: TunnelFrame): readonly StreamEffect[] {
    if (this.#settings.protocol === 1) return this.#ignore();
    const strange = availableServiceIds.find((id) => !this.#settings.services.includes(id));
    if (strange !== undefined) return [{ kind: "end", why: `the tunnel is for a service that is not allowed` }];
    this.#named = availableServiceIds.length === 0 ? undefined : availableServiceIds;
    return [];
  }

  #startStream(frame: TunnelFrame): readonly StreamEffect[] {
    const { streamId, serviceId, connectionId } = frame;
    if (streamId <= 0) return this.#ignore();
    const service = this.#serviceOf(serviceId);
    if (service === undefined) {
      this.#refused += 1;
      return [{ kind: "send", frame: frameOf("STREAM_RESET", { streamId, serviceId }) }];
    }
    const closed = this.#close(({ stream }) => stream.service === service);
    const stream = { streamId, service, serviceId };
    this.#streams.set(service, stream);
    return [...closed, ...this.#open({ stream, id: connectionId || 1, wireId: connectionId })];
  }

  #startConnection(frame: TunnelFrame): readonly StreamEffect[] {
    if (this.#settings.protocol < 3 || frame.connectionId === 0) return this.#ignore();
    const stream = this.#streamOf(frame) ?? this.#resumed(frame);
    if (stream === undefined) return this.#ignore();
    const asked = { stream, id: frame.connectionId, wireId: frame.connectionId };
    if (this.#find(stream, asked.id) === undefined) return this.#open(asked);
    // The source takes both for closed by the answer, so that neither may live on here.
    this.#refused += 1;
    return [...this.#close((one) => one.stream === stream && one.id === asked.id), ...this.#resetOf(asked)];
  }

  /**
   * A connection of a stream that is not there, while its service has none: the source goes on with the one that it had before a cut, or
   * after a reset that it took for one of a connection. The local proxy takes that for the start of a stream; else its program would wait for ever.
   */
  #resumed({ streamId, serviceId }: TunnelFrame): Stream | undefined {
    const service = this.#serviceOf(serviceId);
    if (streamId <= 0 || service === undefined || this.#streams.has(service)) return undefined;
    const stream = { streamId, service, serviceId };
    this.#streams.set(service, stream);
    return stream;
  }

  #open(asked: Connection): readonly StreamEffect[] {
    if (this.#connections.size >= this.#settings.maxConnections) {
      this.#refused += 1;
      return this.#resetOf(asked);
    }
    const connection = this.#next++;
    this.#connections.set(connection, asked);
    return [{ kind: "open", connection, service: asked.stream.service }];
  }

  #data(frame: TunnelFrame): readonly StreamEffect[] {
    const stream = this.#streamOf(frame);
    const connection = stream === undefined ? undefined : this.#find(stream, frame.connectionId || 1);
    if (connection === undefined) return this.#ignore();
    return [{ kind: "write", connection, bytes: frame.payload }];
  }

  #resetStream(frame: TunnelFrame): readonly StreamEffect[] {
    const found = this.#streamOf(frame);
    if (found === undefined) return this.#ignore();
    this.#streams.delete(found.service);
    return this.#close(({ stream }) => stream === found);
  }

  #resetConnection(frame: TunnelFrame): readonly StreamEffect[] {
    const found = this.#streamOf(frame);
    const id = frame.connectionId || 1;
    if (found === undefined || this.#find(found, id) === undefined) return this.#ignore();
    return this.#close((one) => one.stream === found && one.id === id);
  }

  /** One without a name, as a source of V1 has it, is the only one that the tunnel is for, or that there is. */
  #serviceOf(serviceId: string): string | undefined {
    const { services } = this.#settings;
    const candidates = this.#named ?? services;
    if (serviceId === "") return candidates.length === 1 ? candidates[0] : undefined;
    return services.find((one) => one === serviceId);
  }

  #streamOf({ serviceId, streamId }: TunnelFrame): Stream | undefined {
    const service = this.#serviceOf(serviceId);
    const stream = service === undefined ? undefined : this.#streams.get(service);
    return stream?.streamId === streamId ? stream : undefined;
  }

  #find(stream: Stream, id: number): number | undefined {
    for (const [connection, one] of this.#connections) if (one.stream === stream && one.id === id) return connection;
    return undefined;
  }

  #close(isMeant: (connection: Connection) => boolean): readonly StreamEffect[] {
    const meant = [...this.#connections].filter(([, connection]) => isMeant(connection)).map(([number]) => number);
    for (const connection of meant) this.#connections.delete(connection);
    return meant.map((connection) => ({ kind: "close", connection }));
  }

  /** For a source without connection ids a stream and its connection are one. */
  #resetOf(connection: Connection): readonly StreamEffect[] {
    const { stream, wireId } = connection;
    if (this.#settings.protocol === 3 && wireId !== 0) {
      return [{ kind: "send", frame: frameOf("CONNECTION_RESET", addressOf(connection)) }];
    }
    if (this.#streams.get(stream.service) === stream) this.#streams.delete(stream.service);
    const frame = frameOf("STREAM_RESET", addressOf(connection));
    return [...this.#close((one) => one.stream === stream), { kind: "send", frame }];
  }

  #ignore(): readonly StreamEffect[] {
    this.#ignored += 1;
    return [];
  }
}

function addressOf({ stream, wireId }: Connection): Pick<TunnelFrame, "streamId" | "serviceId" | "connectionId"> {
  return { streamId: stream.streamId, serviceId: stream.serviceId, connectionId: wireId };
}
