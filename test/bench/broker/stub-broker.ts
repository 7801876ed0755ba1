import { readFileSync } from "node:fs";
import { createServer, type TLSSocket } from "node:tls";
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  parser,
} from "mqtt-packet";
import type { Authority } from "../cloud/certificate-authority.ts";

const MQTT5 = { protocolVersion: 5 } as const;

/** One connection, from the broker's side. */
export type StubLink = {
  send(packet: Packet): void;
  /** Bytes that need not be a packet. */
  sendBytes(bytes: Uint8Array): void;
  /** Ends the connection with DISCONNECT and this reason code. */
  disconnect(reasonCode: number): void;
  /** Ends it without a word. */
  hangUp(): void;
};

/** How the broker behaves. What is left out is done as a good broker does it: CONNACK 0, PUBACK 0. */
export type StubBehaviour = {
  /** What the CONNACK says over a good one. Limits that are left out have no bound. */
  readonly connack?: (packet: IConnectPacket, count: number) => Partial<IConnackPacket>;
  /** After a good CONNACK. */
  readonly onConnected?: (link: StubLink, count: number) => void;
  /** Sees each packet first. True: it is answered, or needs no answer. */
  readonly onPacket?: (packet: Packet, link: StubLink) => boolean;
  /** Instead of a PUBACK. */
  readonly onPublish?: (packet: IPublishPacket, link: StubLink) => void;
};

/** A broker of few words that behaves as a test wants it, over TLS on localhost. */
export type StubBroker = {
  readonly port: number;
  /** CONNECT packets with when they came, ms. */
  readonly connects: readonly { readonly atMs: number; readonly packet: IConnectPacket }[];
  readonly publishes: readonly IPublishPacket[];
  stop(): Promise<void>;
};

/** Starts one with a certificate of `authority` for localhost. */
export async function startStubBroker(authority: Authority, behaviour: StubBehaviour = {}): Promise<StubBroker> {
  const subjectAltNames = [{ kind: "dns" as const, value: "localhost" }];
  const issued = await authority.issue({ commonName: "stub", usage: "server", subjectAltNames });
  const connects: { readonly atMs: number; readonly packet: IConnectPacket }[] = [];
  const publishes: IPublishPacket[] = [];
  const sockets = new Set<TLSSocket>();
  const ca = readFileSync(authority.caFile);
  const server = createServer({ cert: issued.certificatePem, key: issued.privateKeyPem, ca, requestCert: true });
  server.on("tlsClientError", () => undefined);
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    const link = linkOf(socket);
    const reader = parser(MQTT5);
    socket.on("data", (part: Buffer) => reader.parse(part));
    reader.on("packet", (packet) => {
      if (packet.cmd === "connect") connects.push({ atMs: performance.now(), packet });
      if (packet.cmd === "publish") publishes.push(packet);
      answer(packet, link, behaviour, connects.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    connects,
    publishes,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function linkOf(socket: TLSSocket): StubLink {
  const send = (packet: Packet): void => void socket.write(generate(packet, MQTT5));
  return {
    send,
    sendBytes: (bytes) => void socket.write(bytes),
    disconnect: (reasonCode) => {
      send({ cmd: "disconnect", reasonCode });
      socket.end();
    },
    hangUp: () => void socket.end(),
  };
}

function answer(packet: Packet, link: StubLink, behaviour: StubBehaviour, count: number): void {
  if (behaviour.onPacket?.(packet, link) === true) return;
  switch (packet.cmd) {
    case "connect": {
      const changes = behaviour.connack?.(packet, count) ?? {};
      link.send({ cmd: "connack", reasonCode: 0, sessionPresent: false, ...changes });
      if ((changes.reasonCode ?? 0) !== 0) link.hangUp();
      else behaviour.onConnected?.(link, count);
      return;
    }
    case "publish":
      if (behaviour.onPublish !== undefined) behaviour.onPublish(packet, link);
      else if (packet.qos > 0) link.send({ cmd: "puback", reasonCode: 0, ...messageIdOf(packet) });
      return;
    case "subscribe":
      link.send({ cmd: "suback", granted: packet.subscriptions.map(({ qos }) => qos), ...messageIdOf(packet) });
      return;
    case "pingreq":
      link.send({ cmd: "pingresp" });
      return;
    default:
      return;
  }
}

/** The packet identifier, for its answer. */
export function messageIdOf({ messageId }: Packet): { readonly messageId: number } {
  if (messageId === undefined) throw new Error("a packet without its identifier");
  return { messageId };
}
