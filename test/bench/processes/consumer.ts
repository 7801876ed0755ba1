import { readFileSync } from "node:fs";
import { io, iot, mqtt5 } from "aws-iot-device-sdk-v2";
import { type ConsumerConfig, consumerCommand, consumerConfig } from "../consumers/consumer-protocol.ts";
import { RecordCheck } from "../consumers/record-check.ts";
import { createReplayJudge } from "../consumers/replay-judge.ts";
import type { SampleJudge } from "../consumers/sample-judge.ts";
import { createVehicleJudge } from "../consumers/vehicle-judge.ts";
import { emit, fail, onCommands, parseLine } from "../core/line-protocol.ts";
import { readVehicle } from "../vehicle/vehicle-dbc.ts";

const REPORT_EVERY_MS = 100;
const SESSION_EXPIRY_SECONDS = 3600;

/** Every stream of every thing, shared among the consumers. */
const RECORDS = "$share/bench/dt/causeway/+/+";
/** Signal tables, for each consumer: without them a record cannot be read. */
const TABLES = "dt/causeway/+/schema/+";

function judgeOf(config: ConsumerConfig, startUs: number): SampleJudge {
  const { seed, rate, thinned, repeats, logFile } = config;
  if (logFile !== undefined) return createReplayJudge(config.dbcFile, logFile);
  return createVehicleJudge({ vehicle: readVehicle(config.dbcFile), seed, rate, thinned, repeats, startUs });
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

async function subscribe(client: mqtt5.Mqtt5Client): Promise<void> {
  const { reasonCodes } = await client.subscribe({
    subscriptions: [RECORDS, TABLES].map((topicFilter) => ({ topicFilter, qos: mqtt5.QoS.AtLeastOnce })),
  });
  if (reasonCodes.some((code) => code >= 128)) throw new Error(`subscription refused: ${reasonCodes.join(", ")}`);
}

async function main(configFile: string): Promise<void> {
  io.enable_logging(io.LogLevel.ERROR);
  const config = parseLine(consumerConfig, readFileSync(configFile, "utf8"));
  const check = new RecordCheck({
    descriptor: readFileSync(config.descriptorFile),
    thing: config.thing,
    watched: config.watched,
  });
  onCommands(consumerCommand, ({ startUs }) => check.start(judgeOf(config, startUs)));
  const client = clientOf(config);
  client.on("messageReceived", ({ message }) => {
    // Presence, identity and what `connect test` publishes stand beside the streams and are no records.
    if (/\/(presence|identity|test)$/.test(message.topicName)) return;
    const properties = new Map(message.userProperties?.map(({ name, value }) => [name, value]) ?? []);
    const { topicName: topic, contentType } = message;
    check.arrive({ topic, contentType, payload: bytesOf(message.payload), properties });
  });
  const connected = new Promise<void>((resolve) => client.once("connectionSuccess", () => resolve()));
  client.on("connectionFailure", ({ error }) => console.error(error.error_name ?? "connection failed"));
  client.start();
  await connected;
  await subscribe(client);
  // mosquitto 2.0 keeps a session over its own restart, but not the session's shared subscriptions.
  client.on("connectionSuccess", () => void subscribe(client).catch((error: unknown) => console.error(error)));
  setInterval(() => emit(check.takeReport()), REPORT_EVERY_MS);
  emit({ kind: "ready" });
}

main(process.argv[2] ?? "").catch(fail);
