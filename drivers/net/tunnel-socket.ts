import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { messageOf } from "../../agent/core/errors.ts";
import type { ProxyRule } from "../../agent/ports/http-proxy.ts";
import type {
  DialTunnel,
  TunnelDialOutcome,
  TunnelSocket,
  TunnelSocketHandlers,
  TunnelTarget,
} from "../../agent/ports/tunnel.ts";

/** Newest first; the service chooses (AWS IoT Secure Tunneling, WebSocket protocol guides). */
const SUBPROTOCOLS = [3, 2, 1].map((version) => `aws.iot.securetunneling-${version}.0`);
/** Longest message of the service, bytes. */
const MAX_MESSAGE_BYTES = 131_076;
/** From so many bytes that wait to be sent on, `send` says so; at most one message of each local connection comes on top. */
const HIGH_BYTES = 1_048_576;
const LOW_BYTES = 262_144;
/** From so many messages that wait on: one of a few bytes costs some hundred in memory. */
const MANY_MESSAGES = 256;

/** What is read of an answer that is none of a WebSocket, and how long it may take, ms. */
const MAX_ANSWER_BYTES = 1024;
const ANSWER_MS = 2000;
/**
 * What the service says with a 4xx, in words of our own: an answer goes into no log as it is, since it may hold what it was sent.
 * Source: logs in aws-iot-securetunneling-localproxy, issues 84, 85 and 152; AWS IoT Developer Guide, "Resolving connectivity issues".
 */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/previously used|already (been )?used/i, "the access token was used before: rotate it, and open the tunnel again"],
  [/client.?token/i, "the client token is of another connection: rotate the access token"],
  [/expired/i, "the access token has expired"],
  [/invalid access token|access.?token/i, "the access token is none of an open tunnel"],
  [/closed/i, "the tunnel is closed"],
];

export type TunnelDialerParts = {
  /** Root certificates, PEM, in place of those that Node brings. */
  readonly ca: string | undefined;
  readonly proxyFor: ProxyRule;
  /** Longest time for the TCP connection, TLS and the handshake. */
  readonly handshakeMs: number;
  /** Between two pings; a service that says nothing for two of them is gone. */
  readonly pingMs: number;
};

/** Connects to the service by WebSocket over TLS, through the proxy where there is one. */
export function createTunnelDialer(parts: TunnelDialerParts): DialTunnel {
  return async (target, handlers, signal) => {
    const proxy = parts.proxyFor(target.host);
    let through: TLSSocket | undefined;
    try {
      if (proxy !== undefined) {
        const { host, port } = target;
        const socket = await proxy.tunnel({ host, port }, parts.handshakeMs, signal);
        through = connectTls({ socket, ca: parts.ca, host, ...serverName(host), ALPNProtocols: ["http/1.1"] });
      }
      return await handshake({ target, parts, through }, handlers, signal);
    } catch (thrown) {
      through?.destroy();
      return { kind: "failed", detail: messageOf(thrown) };
    }
  };
}

function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

type Handshake = {
  readonly target: TunnelTarget;
  readonly parts: TunnelDialerParts;
  /** TLS through a proxy, where there is one. */
  readonly through: TLSSocket | undefined;
};

function handshake(
  { target, parts, through }: Handshake,
  handlers: TunnelSocketHandlers,
  signal: AbortSignal,
): Promise<TunnelDialOutcome> {
  const { host, port, accessToken, clientToken } = target;
  const authority = isIP(host) === 6 ? `[${host}]` : host;
  const socket = new WebSocket(`wss://${authority}:${port}/tunnel?local-proxy-mode=destination`, SUBPROTOCOLS, {
    headers: { "access-token": accessToken, "client-token": clientToken },
    handshakeTimeout: parts.handshakeMs,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    ca: parts.ca,
    ...(through === undefined ? {} : { createConnection: () => through }),
  });
  const { promise, resolve } = Promise.withResolvers<TunnelDialOutcome>();
  let channelId = "";
  socket.on("upgrade", ({ headers }) => {
    const { "channel-id": id } = headers;
    channelId = typeof id === "string" ? id.slice(0, 128) : "";
  });
  socket.on("unexpected-response", (_request, answer: IncomingMessage) => {
    const { statusCode: status = 0 } = answer;
    const done = (text: string): void => {
      resolve(refusalOf(status, text));
      clearTimeout(late);
      answer.destroy();
      socket.terminate();
    };
    const late = setTimeout(() => done(""), ANSWER_MS);
    let text = "";
    answer.on("data", (bytes) => {
      text += String(bytes);
      if (text.length >= MAX_ANSWER_BYTES) done(text.slice(0, MAX_ANSWER_BYTES));
    });
    answer.on("error", () => done(text));
    answer.on("close", () => done(text));
  });
  // After "open" an error is followed by "close", which tells of it.
  socket.on("error", (error) => resolve({ kind: "failed", detail: messageOf(error) }));
  socket.on("open", () => {
    const protocol = protocolOf(socket.protocol);
    if (signal.aborted || protocol === undefined) {
      socket.terminate();
      resolve({ kind: "failed", detail: signal.aborted ? "aborted" : "the service chose no protocol" });
      return;
    }
    resolve({ kind: "open", socket: openSocket({ socket, protocol, channelId }, handlers, parts.pingMs) });
  });
  const onAbort = (): void => {
    if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  void promise.then(() => signal.removeEventListener("abort", onAbort));
  if (signal.aborted) onAbort();
  return promise;
}

/** 5xx may pass, and so may 408 and 429; else the service has said no. */
function refusalOf(status: number, text: string): TunnelDialOutcome {
  const known = REASONS.find(([pattern]) => pattern.test(text));
  const detail = known === undefined ? `HTTP ${status}` : `HTTP ${status}, ${known[1]}`;
  const mayPass = status < 300 || status >= 500 || status === 408 || status === 429;
  return mayPass ? { kind: "failed", detail } : { kind: "refused", status, detail };
}

function protocolOf(subprotocol: string): TunnelSocket["protocol"] | undefined {
  const version = 3 - SUBPROTOCOLS.indexOf(subprotocol);
  return version === 3 || version === 2 || version === 1 ? version : undefined;
}

type Opened = { readonly socket: WebSocket; readonly protocol: TunnelSocket["protocol"]; readonly channelId: string };

function openSocket(
  { socket, protocol, channelId }: Opened,
  handlers: TunnelSocketHandlers,
  pingMs: number,
): TunnelSocket {
  socket.pause();
  let isOver = false;
  let isFull = false;
  let fault = "";
  let silentPings = 0;
  let waiting = 0;
  const end = (): void => {
    isOver = true;
    clearInterval(pinging);
    socket.terminate();
  };
  const closed = (detail: string): void => {
    if (isOver) return;
    end();
    handlers.onClosed(detail);
  };
  const pinging = setInterval(() => {
    // What is not read cannot be heard: the service is not judged by it.
    if (!socket.isPaused && silentPings >= 2) closed("the service is silent");
    else {
      silentPings = socket.isPaused ? 0 : silentPings + 1;
      if (!isFull) socket.ping();
    }
  }, pingMs);
  pinging.unref();
  socket.on("pong", () => {
    silentPings = 0;
  });
  socket.on("message", (bytes, isBinary) => {
    silentPings = 0;
    if (isOver) return;
    if (isBinary && bytes instanceof Uint8Array) handlers.onBytes(bytes);
    else closed("the service sent a text message");
  });
  socket.on("error", (error) => {
    fault = messageOf(error);
  });
  socket.on("close", (code) => closed(fault === "" ? `closed by the service (${code})` : fault));
  const sent = (): void => {
    waiting -= 1;
    // No ping goes out behind so much; the service takes what does.
    if (isFull) silentPings = 0;
    if (isOver || !isFull || socket.bufferedAmount > LOW_BYTES || waiting > MANY_MESSAGES / 2) return;
    isFull = false;
    handlers.onDrain();
  };
  return {
    protocol,
    channelId,
    send: (bytes) => {
      if (isOver) return true;
      waiting += 1;
      socket.send(bytes, sent);
      if (socket.bufferedAmount > HIGH_BYTES || waiting > MANY_MESSAGES) isFull = true;
      return !isFull;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: end,
  };
}
