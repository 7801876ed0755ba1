import { isUtf8 } from "node:buffer";
import { HttpProxyAuthenticationType, HttpProxyConnectionType, HttpProxyOptions } from "aws-crt/dist/native/http.js";
import type { ClientTlsContext } from "aws-crt/dist/native/io.js";
import { SocketDomain, SocketOptions, SocketType } from "aws-crt/dist/native/io.js";
import {
  ClientExtendedValidationAndFlowControl,
  ClientOperationQueueBehavior,
  ClientSessionBehavior,
  DisconnectReasonCode,
  InboundTopicAliasBehaviorType,
  Mqtt5Client,
  OutboundTopicAliasBehaviorType,
  PayloadFormatIndicator,
  QoS,
  RetryJitterType,
} from "aws-crt/dist/native/mqtt5.js";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import { isAwsBroker, isAwsHost } from "../../agent/core/aws-host.ts";
import { messageOf } from "../../agent/core/errors.ts";
import type { BrokerLimits, Publication, ReceivedPublish } from "../../agent/ports/broker.ts";
import type { HttpProxy } from "../../agent/ports/http-proxy.ts";
import type { BrokerConfig } from "../../config/schema.ts";
import type { ConnectFailure } from "./link/connect-failure.ts";

// The classes come from aws-crt's own modules, which the SDK only re-exports: its index loads every service client too
// (measured: 47 ms and 14 MB against 72 ms and 26 MB).

/** Topics the client remembers an alias for; the broker's own maximum (8 at AWS IoT Core) bounds it further. */
const TOPIC_ALIASES = 16;
/** Largest packet taken from the broker, bytes: AWS IoT Core sends at most 128 KiB of payload. */
export const MAX_INBOUND_PACKET_BYTES = 262_144;
/** Unacknowledged messages that the broker may have on the way to us. */
export const INBOUND_IN_FLIGHT = 32;
/**
 * AWS IoT Core takes 128 KiB of payload and no more, though it announces packets of 146 KiB, in which that fits with every header and property
 * (quota "Maximum message size"); it ends the connection over a longer one.
 */
const AWS_PAYLOAD_BYTES = 131_072;

/** What aws-crt refuses in text: control characters, line ends among them, and noncharacters, which a receiver may refuse (MQTT 5.0, 1.5.4). */
export const NO_TEXT = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;
/** A client makes one connection: it is given up long before it would try again by itself. */
const NEVER_MS = 86_400_000;

/** `tunnel`: the way through a proxy, as it was found open; undefined without one. */
export type ClientParts = {
  /** How long TCP may take, ms; TLS and CONNACK have `connectTimeoutMs` besides. */
  readonly tcpTimeoutMs: number;
  readonly config: BrokerConfig;
  readonly clientId: string;
  readonly will: Publication | undefined;
  readonly tlsContext: ClientTlsContext;
  readonly tunnel: HttpProxyOptions | undefined;
};

/**
 * A client for one connection, from `start` to `stop`; it resumes the session of the ones before. What was sent on one of them and not
 * acknowledged is not sent again as MQTT 5.0 (4.4) asks, but published anew by whoever keeps it: one that the broker answers with the end of
 * the connection would end each of them.
 */
export function createClient(parts: ClientParts): Mqtt5Client {
  const { config, clientId, will, tlsContext, tunnel, tcpTimeoutMs } = parts;
  return new Mqtt5Client({
    hostName: config.host,
    port: config.port,
    tlsCtx: tlsContext,
    ...(tunnel === undefined ? {} : { httpProxyOptions: tunnel }),
    socketOptions: new SocketOptions(SocketType.STREAM, SocketDomain.IPV4, tcpTimeoutMs),
    connackTimeoutMs: config.connectTimeoutMs,
    pingTimeoutMs: pingTimeoutMs(config.keepAliveSeconds),
    ackTimeoutSeconds: config.ackTimeoutSeconds,
    minReconnectDelayMs: NEVER_MS,
    maxReconnectDelayMs: NEVER_MS,
    retryJitterMode: RetryJitterType.None,
    offlineQueueBehavior: ClientOperationQueueBehavior.FailAllOnDisconnect,
    sessionBehavior: sessionBehaviorOf(config),
    topicAliasingOptions: {
      outboundBehavior: OutboundTopicAliasBehaviorType.LRU,
      outboundCacheMaxSize: TOPIC_ALIASES,
      inboundBehavior: InboundTopicAliasBehaviorType.Enabled,
    },
    extendedValidationAndFlowControlOptions: isPaced(config)
      ? ClientExtendedValidationAndFlowControl.AwsIotCoreDefaults
      : ClientExtendedValidationAndFlowControl.None,
    disableMetrics: true,
    connectProperties: {
      clientId,
      keepAliveIntervalSeconds: config.keepAliveSeconds,
      sessionExpiryIntervalSeconds: config.sessionExpirySeconds,
      receiveMaximum: INBOUND_IN_FLIGHT,
      maximumPacketSizeBytes: MAX_INBOUND_PACKET_BYTES,
      ...(will === undefined ? {} : { will: packetOf(will) }),
    },
  });
}

/**
 * The way by a proxy that gives a tunnel to the broker, inside which TLS is with the broker; undefined without a proxy. It is asked here
 * first: the library waits without end for one that is silent, and hands on no answer of one that refuses. Rejects with the fault.
 */
export async function tunnelThrough(
  proxy: HttpProxy | undefined,
  to: { readonly host: string; readonly port: number; readonly connectTimeoutMs: number },
  signal: AbortSignal,
): Promise<HttpProxyOptions | undefined> {
  if (proxy === undefined) return undefined;
  await proxy.check(to, to.connectTimeoutMs, signal);
  const { None, Basic } = HttpProxyAuthenticationType;
  const { user, password } = proxy.credentials() ?? {};
  const authentication = user === undefined ? None : Basic;
  const { Tunneling } = HttpProxyConnectionType;
  return new HttpProxyOptions(proxy.host, proxy.port, authentication, user, password, undefined, Tunneling);
}

/** What becomes of a client. */
export type ClientEvents = {
  /** Asked before each of the others; `onError` is always told. */
  isWanted(): boolean;
  onAttempt(): void;
  onConnected(settings: mqtt5.NegotiatedSettings): void;
  onFailed(failure: ConnectFailure): void;
  /** An established connection has ended. `errorName` is that of aws-crt. */
  onLost(errorName: string, disconnect: mqtt5.DisconnectPacket | undefined): void;
  /** `acknowledge` does nothing when the client is not wanted any more by then. */
  onMessage(packet: mqtt5.PublishPacket, acknowledge: () => void): void;
  onError(what: string): void;
};

/** Tells `events` what becomes of the client. */
export function listen(client: Mqtt5Client, events: ClientEvents): void {
  client.on("attemptingConnect", () => {
    if (events.isWanted()) events.onAttempt();
  });
  client.on("connectionSuccess", ({ settings }) => {
    if (events.isWanted()) events.onConnected(settings);
  });
  client.on("connectionFailure", ({ error, connack }) => {
    if (events.isWanted()) events.onFailed({ errorName: nameOf(error), connack });
  });
  client.on("disconnection", ({ error, disconnect }) => {
    if (events.isWanted()) events.onLost(nameOf(error), disconnect);
  });
  client.on("messageReceived", ({ message, acknowledgementControl }) => {
    const handle = acknowledgementControl?.acquireHandle();
    if (!events.isWanted()) return;
    events.onMessage(message, () => {
      if (events.isWanted()) handle?.invokeAcknowledgement();
    });
  });
  client.on("error", (error) => events.onError(messageOf(error)));
}

/** Lets go of a client: a clean DISCONNECT when it is connected, then its native memory once it says that it has stopped. */
export function release(client: Mqtt5Client): Promise<void> {
  return new Promise((resolve) => {
    client.on("stopped", () => {
      client.close();
      resolve();
    });
    // Without a packet the SDK only closes the connection, and the broker would publish the will.
    client.stop({ reasonCode: DisconnectReasonCode.NormalDisconnection });
  });
}

function nameOf(error: { readonly error_name?: string; readonly message?: string }): string {
  return error.error_name ?? error.message ?? "unknown error";
}

/** From the first connection of a process on the session is resumed: what came for the thing while it slept is in it. */
function sessionBehaviorOf({ sessionExpirySeconds }: BrokerConfig): ClientSessionBehavior {
  return sessionExpirySeconds === 0 ? ClientSessionBehavior.Clean : ClientSessionBehavior.RejoinAlways;
}

/**
 * Whether the SDK paces what goes out to the limits of an AWS IoT Core connection (100 publishes a second, 512 KiB/s, counted with
 * 4 KiB for each write). Above them the service discards without a PUBACK; any other broker would only be slowed down.
 */
export function isPaced({ pacing, host }: Pick<BrokerConfig, "pacing" | "host">): boolean {
  return pacing === "aws" || (pacing === "auto" && isAwsHost(host));
}

/** The packet of a publication. */
export function packetOf(publication: Publication): mqtt5.PublishPacket {
  const { topic, payload, retain, contentType, messageExpirySeconds, userProperties } = publication;
  const { responseTopic, correlationData } = publication;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    topicName: topic,
    qos: publication.qos === 0 ? QoS.AtMostOnce : QoS.AtLeastOnce,
    payload: bytes,
    retain,
    payloadFormat:
      contentType === "application/json" && isText(bytes) ? PayloadFormatIndicator.Utf8 : PayloadFormatIndicator.Bytes,
    ...(contentType === "" ? {} : { contentType }),
    ...(messageExpirySeconds === undefined ? {} : { messageExpiryIntervalSeconds: messageExpirySeconds }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    userProperties: userProperties.map(([name, value]) => ({ name, value })),
  };
}

/** Whether aws-crt takes the payload for text: the whole publication is refused where it says so and is not. */
function isText(payload: Buffer): boolean {
  return isUtf8(payload) && !NO_TEXT.test(payload.toString("utf8"));
}

/** What the broker announced, and what AWS IoT Core does not. */
export function limitsOf(
  settings: mqtt5.NegotiatedSettings,
  config: Pick<BrokerConfig, "pacing" | "host" | "alpn">,
): BrokerLimits {
  return {
    receiveMaximum: settings.receiveMaximumFromServer,
    maximumPacketBytes: settings.maximumPacketSizeToServer,
    ...(isAwsBroker(config) ? { maximumPayloadBytes: AWS_PAYLOAD_BYTES } : {}),
    topicAliasMaximum: settings.topicAliasMaximumToServer,
    retainAvailable: settings.retainAvailable,
  };
}

/** A message as it arrived. */
export function receivedPublishOf(packet: mqtt5.PublishPacket): ReceivedPublish {
  return {
    topic: packet.topicName,
    payload: bytesOf(packet.payload),
    contentType: packet.contentType,
    responseTopic: packet.responseTopic,
    correlationData: packet.correlationData === undefined ? undefined : bytesOf(packet.correlationData),
    messageExpirySeconds: packet.messageExpiryIntervalSeconds,
    userProperties: (packet.userProperties ?? []).map(({ name, value }) => [name, value] as const),
  };
}

/**
 * The client gives an ArrayBuffer, though its types leave more open. That of an empty payload is a detached one (aws-crt 1.33), which
 * no view can be made of.
 */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return value.byteLength === 0 ? new Uint8Array(0) : new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return typeof value === "string" ? Buffer.from(value, "utf8") : new Uint8Array(0);
}

/** A dead link is noticed at most keep-alive + 5 s after the last packet. */
function pingTimeoutMs(keepAliveSeconds: number): number {
  return Math.min(5000, Math.max(1000, keepAliveSeconds * 500));
}
