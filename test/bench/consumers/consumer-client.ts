import { iot, mqtt5 } from "aws-iot-device-sdk-v2";
import type { ConsumerConfig } from "./consumer-protocol.ts";
import type { Arrival } from "./record-check.ts";

const SESSION_EXPIRY_SECONDS = 3600;

/**
 * Connects to the broker, keeps to its subscriptions over every new connection, and hands over each record; `onSubscribed` says each time that
 * it has them. Rejects when it may not subscribe.
 */
export async function startClient(
  config: ConsumerConfig,
  topicFilters: readonly string[],
  onRecord: (arrival: Arrival) => void,
  onSubscribed: () => void,
): Promise<void> {
  const client = clientOf(config);
  client.on("messageReceived", ({ message }) => {
    // Presence, identity and what `connect test` publishes stand beside the streams and are no records.
    if (/\/(presence|identity|test)$/.test(message.topicName)) return;
    const properties = new Map(message.userProperties?.map(({ name, value }) => [name, value]) ?? []);
    const { topicName: topic, contentType } = message;
    onRecord({ topic, contentType, payload: bytesOf(message.payload), properties });
  });
  const connected = new Promise<void>((resolve) => client.once("connectionSuccess", () => resolve()));
  client.on("connectionFailure", ({ error }) => console.error(error.error_name ?? "connection failed"));
  client.start();
  await connected;
  await subscribe(client, topicFilters);
  onSubscribed();
  // mosquitto 2.0 keeps a session over its own restart, but not the session's shared subscriptions.
  const again = (): Promise<void> => subscribe(client, topicFilters).then(onSubscribed);
  client.on("connectionSuccess", () => void again().catch((error: unknown) => console.error(error)));
}

function clientOf(config: ConsumerConfig): mqtt5.Mqtt5Client {
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(
    config.host,
    config.certificateFile,
    config.keyFile,
  );
  builder.withPort(config.port);
  builder.withCertificateAuthorityFromPath(undefined, config.caFile);
  builder.withSessionBehavior(mqtt5.ClientSessionBehavior.RejoinAlways);
  builder.withMinReconnectDelayMs(100);
  builder.withMaxReconnectDelayMs(1000);
  builder.withConnectProperties({
    clientId: config.name,
    keepAliveIntervalSeconds: 30,
    sessionExpiryIntervalSeconds: SESSION_EXPIRY_SECONDS,
  });
  return new mqtt5.Mqtt5Client(builder.build());
}

function bytesOf(payload: mqtt5.Payload | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array();
  if (typeof payload === "string") return Buffer.from(payload);
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  if (ArrayBuffer.isView(payload)) return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  throw new Error("payload of an unknown kind");
}

async function subscribe(client: mqtt5.Mqtt5Client, topicFilters: readonly string[]): Promise<void> {
  const { reasonCodes } = await client.subscribe({
    subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, qos: mqtt5.QoS.AtLeastOnce })),
  });
  if (reasonCodes.some((code) => code >= 128)) throw new Error(`subscription refused: ${reasonCodes.join(", ")}`);
}
