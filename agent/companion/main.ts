import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IoTDataPlaneClient } from "@aws-sdk/client-iot-data-plane";
import { KMSClient } from "@aws-sdk/client-kms";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { z } from "zod";
import { systemClock } from "../../drivers/os/time-source.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import { createRecordReader } from "../telemetry/record/read/record-reader.ts";
import { CommandBook } from "./commands/command-book.ts";
import { fileSigner } from "./commands/file-signer.ts";
import { kmsSigner } from "./commands/kms-signer.ts";
import type { CommandSigner } from "./commands/signer.ts";
import { createApp } from "./http/app.ts";
import type { StreamSettings } from "./http/event-routes.ts";
import { pageFiles } from "./http/page-files.ts";
import { jsonLog } from "./json-log.ts";
import { BearerTokens } from "./people/bearer.ts";
import { Bindings, bindingRow } from "./people/bindings.ts";
import { IdentityProvider } from "./people/identity-provider.ts";
import { Sessions } from "./people/sessions.ts";
import type { CommandRoad } from "./road/command-road.ts";
import { IotRoad } from "./road/iot-road.ts";
import { MqttRoad } from "./road/mqtt-road.ts";
import { type BenchSettings, type CloudSettings, type CompanionSettings, isHere, readSettings } from "./settings.ts";
import type { AnswerStore } from "./store/answers.ts";
import { DynamoDbAnswers } from "./store/dynamodb-answers.ts";
import { DynamoDbRows } from "./store/dynamodb-rows.ts";
import { MemoryAnswers } from "./store/memory-answers.ts";
import { MemoryRows } from "./store/memory-rows.ts";
import type { RowStore } from "./store/row-store.ts";
import { HeardFacts } from "./vehicle/heard-facts.ts";
import { IotFacts } from "./vehicle/iot-facts.ts";
import type { VehicleFacts } from "./vehicle/vehicle-facts.ts";

/** Responses of an HTTP API are cut at 30 s, and so much of it is for the last look. */
const STREAMS: Readonly<Record<StreamSettings["mode"], StreamSettings>> = {
  live: { mode: "live", maxMs: 25_000, pollMs: 200 },
  buffered: { mode: "buffered", maxMs: 20_000, pollMs: 500 },
};
/** What a client may take, ms, and how many may be there: one that is slow holds a connection, and no more. */
const SERVER = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
const MAX_CONNECTIONS = 1000;
const MAX_HEADER_BYTES = 16_384;
const DAY_MS = 86_400_000;

/** What stands on the other side, here or there. */
type Outside = {
  readonly rows: RowStore;
  readonly answers: AnswerStore;
  readonly facts: VehicleFacts;
  readonly road: CommandRoad;
  readonly stop: () => Promise<void>;
};

const bindingsFile = z.array(z.strictObject({ user: z.string(), id: z.string(), binding: bindingRow }));

/** Handler of the function behind an HTTP API, payload format 2.0. */
export const handler = lambdaHandler();

function lambdaHandler() {
  let handled: Promise<ReturnType<typeof handle>> | undefined;
  return async (event: LambdaEvent, context?: LambdaContext) => {
    handled ??= compose(readSettings(process.env), systemClock()).then(({ app }) => handle(app));
    return await (await handled)(event, context);
  };
}

async function compose(settings: CompanionSettings, clock: Clock) {
  const nowMs = (): number => Math.floor(clock.wallUs() / 1000);
  const log = jsonLog((line) => void process.stdout.write(line), nowMs);
  const { rows, answers, facts, road, stop } =
    settings.COMPANION_ROAD === "iot" ? inCloud(settings, log) : await onBench(settings, clock, log);
  const origin = settings.COMPANION_ORIGIN;
  const provider = providerOf(settings);
  const sessions = new Sessions({ rows, nowMs, token: () => randomBytes(32).toString("base64url") });
  const bearer = new BearerTokens({
    issuer: settings.COMPANION_ISSUER,
    origin,
    clients: settings.COMPANION_API_CLIENTS,
    keysUrl: () => provider.keysUrl(),
    nowMs,
  });
  const book = new CommandBook({ rows, answers, facts, signer: signerOf(settings), road, clock, log });
  const app = createApp({
    guard: { origin, sessions, bearer },
    provider,
    vehicles: { bindings: new Bindings(rows), facts, book, rows, clock, log },
    stream: STREAMS[settings.COMPANION_STREAM],
    page: pageFiles(join(import.meta.dirname, "page")),
  });
  return { app, log, stop };
}

function providerOf(settings: CompanionSettings): IdentityProvider {
  const secretFile = settings.COMPANION_CLIENT_SECRET_FILE;
  return new IdentityProvider({
    issuer: new URL(settings.COMPANION_ISSUER),
    clientId: settings.COMPANION_CLIENT_ID,
    clientSecret: secretFile === undefined ? undefined : readFileSync(secretFile, "utf8").trim(),
    origin: settings.COMPANION_ORIGIN,
    signOutUrl: settings.COMPANION_SIGN_OUT_URL,
    allowsHttp: isHere(settings.COMPANION_ISSUER),
  });
}

function signerOf({ COMPANION_SIGNING_KEY: key, COMPANION_SIGNING_KEY_ID: id }: CompanionSettings): CommandSigner {
  const place = key.slice(key.indexOf(":") + 1);
  if (key.startsWith("file:")) return fileSigner(id, readFileSync(place, "utf8"));
  // A key of another account may be in another region: its ARN says so.
  const region = place.split(":")[3];
  return kmsSigner(id, place, new KMSClient(region === undefined ? {} : { region }));
}

function inCloud(settings: CloudSettings, log: Log): Outside {
  const dynamodb = new DynamoDBClient({});
  const iot = new IoTDataPlaneClient({ endpoint: settings.COMPANION_IOT_ENDPOINT });
  return {
    rows: new DynamoDbRows(dynamodb, settings.COMPANION_TABLE),
    answers: new DynamoDbAnswers(dynamodb, settings.COMPANION_ANSWERS_TABLE),
    facts: new IotFacts({ iot, dynamodb, stateTable: settings.COMPANION_STATE_TABLE }),
    road: new IotRoad(iot, log),
    stop: async () => undefined,
  };
}

async function onBench(settings: BenchSettings, clock: Clock, log: Log): Promise<Outside> {
  const rows = new MemoryRows();
  const bindings = new Bindings(rows);
  for (const { user, id, binding } of bindingsFile.parse(readJson(settings.COMPANION_BINDINGS_FILE))) {
    await bindings.put(user, { id, ...binding }, clock.wallUs() / 1000);
  }
  const broker = await mqttSession(settings, clock, log);
  broker.start();
  await broker.online(AbortSignal.timeout(DAY_MS));
  const answers = new MemoryAnswers();
  const road = new MqttRoad({ broker, answers, log });
  const reader = createRecordReader(readFileSync(settings.COMPANION_DESCRIPTOR_FILE));
  const facts = new HeardFacts({ broker, reader, log });
  await road.open();
  await facts.open();
  return { rows, answers, facts, road, stop: () => broker.stop() };
}

/** Loaded where it is needed: the function in the cloud has no native MQTT client. */
async function mqttSession(settings: BenchSettings, clock: Clock, log: Log): Promise<Broker> {
  const [{ createBroker }, { fileIdentity }, { agentConfig }] = await Promise.all([
    import("../../drivers/aws/mqtt5.ts"),
    import("../../drivers/aws/identity/file-identity.ts"),
    import("../../config/schema.ts"),
  ]);
  const caFile = settings.COMPANION_MQTT_CA_FILE;
  const config = agentConfig.shape.broker.parse({
    host: settings.COMPANION_MQTT_HOST,
    port: settings.COMPANION_MQTT_PORT,
    caFile,
    reconnect: { minMs: 100, maxMs: 1000 },
  });
  const files = {
    certificateFile: settings.COMPANION_MQTT_CERTIFICATE_FILE,
    keyFile: settings.COMPANION_MQTT_KEY_FILE,
  };
  const identity = fileIdentity(files, config);
  const clientId = settings.COMPANION_MQTT_CLIENT_ID;
  return createBroker({ config, clientId, will: undefined }, { identity, proxy: undefined, clock, log });
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Serves on 127.0.0.1 until a signal ends it. */
async function serve(): Promise<void> {
  const settings = readSettings(process.env);
  const { app, log, stop } = await compose(settings, systemClock());
  const server = serverOf(app);
  server.listen(settings.COMPANION_PORT, "127.0.0.1", () => {
    const address: AddressInfo | string | null = server.address();
    log.info("companion.listening", { port: typeof address === "object" ? address?.port : undefined });
  });
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      void stop().then(() => process.exit());
    });
  }
}

function serverOf(app: Hono) {
  const serverOptions = { ...SERVER, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

if (import.meta.main) {
  await serve().catch((thrown: unknown) => {
    process.stderr.write(`companion: ${messageOf(thrown)}\n`);
    process.exit(1);
  });
}
