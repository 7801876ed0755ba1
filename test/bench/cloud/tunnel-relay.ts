import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { type RelayFrame, readRelayFrame, relayFrame, TYPE } from "./tunnel-frames.ts";

/** Longest message each way (WebSocket protocol guide). */
const MAX_MESSAGE_BYTES = 131_076;
const MAX_PAYLOAD_BYTES = 64_512;
const CLIENT_TOKEN = /^[a-zA-Z0-9-]{32,128}$/;
const HIGH_BYTES = 1_048_576;

/** How the relay misbehaves for a test; each may be changed at any time. */
export type RelayFaults = {
  /** Answers each handshake with this status instead. */
  status: number | undefined;
  /** Body of each handshake that is refused. */
  answer: string;
  /** Versions that it knows, newest first. */
  versions: readonly (1 | 2 | 3)[];
  /** Cuts messages to the destination into pieces of so many bytes, without regard for frames. */
  pieceBytes: number | undefined;
  /** Services that SERVICE_IDS names, in place of those of the tunnel. */
  services: readonly string[] | undefined;
};

/** A tunnel as OpenTunnel gives it, without the source's token: the relay is the source too. */
export type OpenedTunnel = {
  readonly accessToken: string;
  /** What the relay listens on for the programs of the source, by service. */
  readonly ports: ReadonlyMap<string, number>;
};

type Tunnel = OpenedTunnel & {
  readonly services: readonly string[];
  clientToken: string | undefined;
  isSpent: boolean;
  destination: Destination | undefined;
  readonly servers: readonly Server[];
};

/**
 * The service of AWS IoT Secure Tunneling, and the local proxy of a source in one: the agent is the destination. What the service refuses
 * or closes, it refuses or closes here, and `violations` names it.
 */
export class TunnelRelay {
  readonly faults: RelayFaults = {
    status: undefined,
    answer: "",
    versions: [3, 2, 1],
    pieceBytes: undefined,
    services: undefined,
  };
  /** What the destination did that the protocol forbids. */
  readonly violations: string[] = [];
  /** Status of each handshake. */
  readonly answered: number[] = [];
  /** Frames of the destination, by type. */
  readonly frames = new Map<number, number>();
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #https: HttpsServer;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => this.#choose(offered),
  });

  private constructor(https: HttpsServer) {
    this.#https = https;
    https.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  /** Listens on 127.0.0.1. */
  static async start(tls: { readonly certificatePem: string; readonly privateKeyPem: string }): Promise<TunnelRelay> {
    const https = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem });
    await listen(https);
    return new TunnelRelay(https);
  }

  get port(): number {
    return portOf(this.#https);
  }

  /** Opens a tunnel, and listens for the programs of its source. */
  async open(services: readonly string[] = ["SSH"]): Promise<OpenedTunnel> {
    const accessToken = `AQGA${randomUUID()}`;
    const servers = await Promise.all(
      services.map(async (service) => {
        const server = createTcpServer({ noDelay: true }, (socket) => {
          socket.on("error", () => undefined);
          const destination = this.#tunnels.get(accessToken)?.destination;
          if (destination === undefined) socket.destroy();
          else destination.begin(service, socket);
        });
        await listen(server);
        return server;
      }),
    );
    const ports = new Map(services.map((service, index) => [service, portOf(servers[index])]));
    const state = { clientToken: undefined, isSpent: false, destination: undefined };
    const tunnel: Tunnel = { accessToken, services, ports, servers, ...state };
    this.#tunnels.set(accessToken, tunnel);
    return tunnel;
  }

  /** CloseTunnel: its token is worth nothing any more. */
  close(accessToken: string): void {
    const tunnel = this.#tunnels.get(accessToken);
    this.#tunnels.delete(accessToken);
    tunnel?.destination?.end();
    for (const server of tunnel?.servers ?? []) server.close();
  }

  /** Whether the destination of a tunnel is connected. */
  isConnected(accessToken: string): boolean {
    return this.#tunnels.get(accessToken)?.destination !== undefined;
  }

  /** The link goes away, without a word. */
  cut(accessToken: string): void {
    this.#tunnels.get(accessToken)?.destination?.end();
  }

  /** Takes no more of what the destination of a tunnel sends. */
  deafen(accessToken: string): void {
    this.#tunnels.get(accessToken)?.destination?.socket.pause();
  }

  /** Bytes to the destination as they are; a string as a text message. */
  inject(accessToken: string, content: Uint8Array | string): void {
    this.#tunnels.get(accessToken)?.destination?.socket.send(content);
  }

  async stop(): Promise<void> {
    for (const accessToken of this.#tunnels.keys()) this.close(accessToken);
    await new Promise<void>((resolve) => {
      this.#https.close(() => resolve());
      this.#https.closeAllConnections();
    });
  }

  #choose(offered: ReadonlySet<string>): string | false {
    const known = this.faults.versions.map((version) => `aws.iot.securetunneling-${version}.0`);
    return known.find((name) => offered.has(name)) ?? false;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => undefined);
    const { "access-token": accessToken, "client-token": clientToken } = request.headers;
    const tunnel = typeof accessToken === "string" ? this.#tunnels.get(accessToken) : undefined;
    const status = this.#refusal(request, tunnel, clientToken);
    this.answered.push(status);
    if (status !== 101 || tunnel === undefined) {
      const { answer } = this.faults;
      socket.end(
        `HTTP/1.1 ${status} refused\r\nConnection: close\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`,
      );
      return;
    }
    if (typeof clientToken === "string") tunnel.clientToken = clientToken;
    else tunnel.isSpent = true;
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      // A newer connection of the same destination takes the place of the old one.
      tunnel.destination?.end();
      const destination = new Destination(opened, this, tunnel.services);
      tunnel.destination = destination;
      opened.on("close", () => {
        if (tunnel.destination === destination) tunnel.destination = undefined;
      });
    });
  }

  #refusal(request: IncomingMessage, tunnel: Tunnel | undefined, clientToken: unknown): number {
    if (this.faults.status !== undefined) return this.faults.status;
    if (request.url !== "/tunnel?local-proxy-mode=destination") return 400;
    if (tunnel === undefined) return 401;
    if (clientToken === undefined) return tunnel.isSpent || tunnel.clientToken !== undefined ? 403 : 101;
    if (typeof clientToken !== "string" || !CLIENT_TOKEN.test(clientToken)) return 400;
    return tunnel.isSpent || (tunnel.clientToken ?? clientToken) !== clientToken ? 403 : 101;
  }
}

type Link = {
  readonly streamId: number;
  readonly connectionId: number;
  readonly service: string;
  readonly socket: Socket;
};

/** One WebSocket to the destination, and the connections of the source's programs over it. */
class Destination {
  readonly socket: WebSocket;
  readonly #relay: TunnelRelay;
  readonly #version: number;
  readonly #links = new Set<Link>();
  readonly #streams = new Map<string, { readonly streamId: number; connections: number }>();
  #nextStream = 1;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: WebSocket, relay: TunnelRelay, services: readonly string[]) {
    this.socket = socket;
    this.#relay = relay;
    this.#version = Number(/(\d)\.0$/.exec(socket.protocol)?.[1] ?? 0);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      // The source hears a reset of its streams when the destination has gone.
      for (const { socket: program } of this.#links) program.destroy();
    });
    socket.on("message", (bytes, isBinary) => {
      if (isBinary && bytes instanceof Uint8Array) this.#take(Buffer.from(bytes));
      else this.#violated("a text message");
    });
    if (this.#version > 1) this.#send({ type: TYPE.serviceIds, available: relay.faults.services ?? services });
  }

  end(): void {
    this.socket.terminate();
  }

  /** A program of the source has connected. */
  begin(service: string, program: Socket): void {
    const live = this.#version === 3 ? this.#streams.get(service) : undefined;
    const isFirst = live === undefined || ![...this.#links].some((link) => link.service === service);
    const stream = isFirst ? { streamId: this.#nextStream++, connections: 0 } : live;
    this.#streams.set(service, stream);
    stream.connections += 1;
    if (isFirst) {
      for (const old of [...this.#links].filter((link) => link.service === service)) this.#drop(old);
    }
    const link = { streamId: stream.streamId, connectionId: stream.connections, service, socket: program };
    this.#links.add(link);
    this.#send({ type: isFirst ? TYPE.streamStart : TYPE.connectionStart, ...this.#address(link) });
    program.on("data", (bytes) => {
      for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
        const payload = bytes.subarray(at, at + MAX_PAYLOAD_BYTES);
        this.#send({ type: TYPE.data, ...this.#address(link), payload }, program);
      }
    });
    program.on("drain", () => this.socket.resume());
    program.on("close", () => {
      if (!this.#links.delete(link)) return;
      this.#send({ type: this.#version === 3 ? TYPE.connectionReset : TYPE.streamReset, ...this.#address(link) });
      if (![...this.#links].some(({ socket }) => socket.writableNeedDrain)) this.socket.resume();
    });
  }

  #address({ streamId, service, connectionId }: Link): Partial<RelayFrame> {
    if (this.#version === 1) return { streamId };
    return this.#version === 2 ? { streamId, serviceId: service } : { streamId, serviceId: service, connectionId };
  }

  #send(frame: RelayFrame, program?: Socket): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    const bytes = relayFrame(frame);
    const size = this.#relay.faults.pieceBytes ?? bytes.length;
    const resume = (): void => {
      if (this.socket.bufferedAmount < HIGH_BYTES) program?.resume();
    };
    for (let at = 0; at < bytes.length; at += size) this.socket.send(bytes.subarray(at, at + size), resume);
    if (this.socket.bufferedAmount > HIGH_BYTES) program?.pause();
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 2) {
      const length = this.#rest.readUInt16BE(0);
      if (this.#rest.length < 2 + length) return;
      const frame = readRelayFrame(this.#rest.subarray(2, 2 + length));
      this.#rest = this.#rest.subarray(2 + length);
      const wrong = typeof frame === "string" ? frame : this.#wrongWith(frame);
      if (wrong !== undefined || typeof frame === "string") {
        this.#violated(wrong ?? "");
        return;
      }
      this.#relay.frames.set(frame.type, (this.#relay.frames.get(frame.type) ?? 0) + 1);
      this.#act(frame);
    }
  }

  /** What a destination must not do. */
  #wrongWith({ type, streamId = 0, payload, serviceId, connectionId }: RelayFrame): string | undefined {
    const isReset = type === TYPE.streamReset || (type === TYPE.connectionReset && this.#version === 3);
    if (type !== TYPE.data && !isReset) return `frame of type ${type} in V${this.#version}`;
    if (streamId <= 0) return `stream id ${streamId}`;
    if ((payload?.length ?? 0) > MAX_PAYLOAD_BYTES) return `payload of ${payload?.length} bytes`;
    if (this.#version === 1 && serviceId !== undefined) return "service id in V1";
    return this.#version < 3 && connectionId !== undefined ? `connection id in V${this.#version}` : undefined;
  }

  #act({ type, streamId, payload, connectionId = 1 }: RelayFrame): void {
    for (const link of this.#links) {
      if (link.streamId !== streamId) continue;
      const isMeant = this.#version < 3 || link.connectionId === connectionId;
      if (type === TYPE.streamReset || (type === TYPE.connectionReset && isMeant)) this.#drop(link);
      else if (type === TYPE.data && isMeant && payload !== undefined) {
        if (!link.socket.write(payload)) this.socket.pause();
      }
    }
  }

  #drop(link: Link): void {
    this.#links.delete(link);
    link.socket.end();
  }

  #violated(what: string): void {
    this.#relay.violations.push(what);
    this.end();
  }
}

function listen(server: Server | HttpsServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
}

function portOf(server: Server | HttpsServer): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
