import { readFileSync } from "node:fs";
import {
  ClientTlsContext,
  SocketDomain,
  SocketOptions,
  SocketType,
  TlsContextOptions,
  TlsVersion,
} from "aws-crt/dist/native/io.js";
import {
  ClientOperationQueueBehavior,
  ClientSessionBehavior,
  InboundTopicAliasBehaviorType,
  Mqtt5Client,
  OutboundTopicAliasBehaviorType,
  RetryJitterType,
} from "aws-crt/dist/native/mqtt5.js";
import { keyTrouble } from "../../core/crypto-trouble.ts";
import { AgentError, messageOf } from "../../core/errors.ts";
import type { BrokerSettings } from "./broker-settings.ts";

/** ALPN name that AWS IoT Core wants for MQTT with a client certificate on this port; other ports need none. */
const ALPN_PORT = 443;
const ALPN_NAME = "x-amzn-mqtt-ca";
/** A connection must have lasted so long for the next delay to begin anew, ms. */
const STABLE_MS = 10_000;
/** SUBSCRIBE and UNSUBSCRIBE are given up after this, s. */
const ACK_TIMEOUT_SECONDS = 20;
/** Longest password, bytes. */
const MAX_PASSWORD_BYTES = 65_535;

/**
 * A client that connects, and connects again with full jitter, from `start` to `stop`, and resumes the session of processes before it. Throws
 * `config.invalid` for files that cannot be used. The files are read once.
 */
export function createMqttClient(settings: BrokerSettings, clientId: string): Mqtt5Client {
  const { host, port, connectTimeoutMs, keepAliveSeconds, reconnect } = settings;
  const tlsContext = settings.security === "tls" ? tlsContextOf(settings) : undefined;
  return new Mqtt5Client({
    hostName: host,
    port,
    ...(tlsContext === undefined ? {} : { tlsCtx: tlsContext }),
    socketOptions: new SocketOptions(SocketType.STREAM, SocketDomain.IPV4, connectTimeoutMs),
    connackTimeoutMs: connectTimeoutMs,
    pingTimeoutMs: Math.min(5000, keepAliveSeconds * 500),
    ackTimeoutSeconds: ACK_TIMEOUT_SECONDS,
    minReconnectDelayMs: reconnect.minMs,
    maxReconnectDelayMs: reconnect.maxMs,
    minConnectedTimeToResetReconnectDelayMs: STABLE_MS,
    retryJitterMode: RetryJitterType.Full,
    offlineQueueBehavior: ClientOperationQueueBehavior.FailAllOnDisconnect,
    sessionBehavior: ClientSessionBehavior.RejoinAlways,
    topicAliasingOptions: {
      outboundBehavior: OutboundTopicAliasBehaviorType.Disabled,
      inboundBehavior: InboundTopicAliasBehaviorType.Enabled,
    },
    disableMetrics: true,
    connectProperties: {
      clientId,
      keepAliveIntervalSeconds: keepAliveSeconds,
      sessionExpiryIntervalSeconds: settings.sessionExpirySeconds,
      receiveMaximum: settings.receiveMaximum,
      maximumPacketSizeBytes: settings.maxPacketBytes,
      ...(settings.username === undefined ? {} : { username: settings.username }),
      ...(settings.passwordFile === undefined ? {} : { password: Buffer.from(passwordIn(settings.passwordFile)) }),
    },
  });
}

function tlsContextOf({ caFile, certificateFile, keyFile, alpn, port }: BrokerSettings): ClientTlsContext {
  try {
    const options =
      certificateFile === undefined || keyFile === undefined
        ? new TlsContextOptions()
        : TlsContextOptions.create_client_with_mtls(fileText(certificateFile), fileText(keyFile));
    if (caFile !== undefined) options.override_default_trust_store(fileText(caFile));
    options.verify_peer = true;
    options.min_tls_version = TlsVersion.TLSv1_2;
    if (alpn === "aws" || (alpn === "auto" && port === ALPN_PORT)) options.alpn_list = [ALPN_NAME];
    return new ClientTlsContext(options);
  } catch (thrown) {
    if (thrown instanceof AgentError) throw thrown;
    // The TLS library has one error for all.
    const why =
      certificateFile === undefined || keyFile === undefined
        ? undefined
        : keyTrouble(fileText(keyFile), fileText(certificateFile));
    throw unusable(
      `the certificate ${certificateFile ?? "(none)"} and its key cannot be used: ${why ?? messageOf(thrown)}`,
      thrown,
    );
  }
}

/** Without the line end that editors leave. */
function passwordIn(file: string): string {
  const password = fileText(file).replace(/\r?\n$/, "");
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) throw unusable(`${file} is too long for a password`, undefined);
  return password;
}

function fileText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw unusable(`cannot read ${file}: ${messageOf(thrown)}`, thrown);
  }
}

function unusable(what: string, cause: unknown): AgentError {
  return new AgentError("config.invalid", {
    what,
    remedy: "correct the files that the section broker of the settings names",
    cause,
  });
}
