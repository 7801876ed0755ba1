import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { signedText } from "../../../agent/commands/canonical.ts";
import { handler } from "../../../agent/companion/main.ts";
import { readSettings } from "../../../agent/companion/settings.ts";
import { isSignedBy, keyObjectOf } from "../../../agent/core/public-key.ts";
import { AwsEndpoint, type ServiceAnswer, type ServiceRequest } from "../../bench/cloud/aws-endpoint.ts";
import { createTables, LOCAL_AWS, type LocalDynamoDb, localClient, startDynamoDb } from "../../bench/cloud/dynamodb.ts";
import { startHttpApi } from "../../bench/cloud/http-api.ts";
import { KeyService } from "../../bench/cloud/key-service.ts";
import { issuerAt, startOidcProvider } from "../../bench/cloud/oidc-provider.ts";
import { RulesEngine } from "../../bench/cloud/rules/rules-engine.ts";
import { DeployedTemplate } from "../../bench/cloud/rules/template-rules.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";
import { TableRuleServices } from "../../fakes/bench/table-rule-services.ts";
import { beginSignIn, comeBack, logIn } from "./http-person.ts";

const ENVIRONMENT = "test";
const TABLE = `causeway-${ENVIRONMENT}-companion`;
const ANSWERS_TABLE = `causeway-${ENVIRONMENT}-answers`;
const KEY_ID = "companion";
const ANNA = { user: "anna", password: "made for this test", name: "Anna", vehicles: [] };

/** The stack of the app, with what others give it. */
const TEMPLATE = new DeployedTemplate("config/aws/app.yaml", {
  Environment: ENVIRONMENT,
  IotEndpoint: "abc-ats.iot.eu-central-1.amazonaws.com",
  Api: "abc",
  Companion: TABLE,
  Users: "eu-central-1_abc",
  "AWS::Region": "eu-central-1",
  "AWS::URLSuffix": "amazonaws.com",
  "AWS::AccountId": "111122223333",
});

const request = z.object({
  id: z.string(),
  thing: z.string(),
  action: z.string(),
  arguments: z.record(z.string(), z.never()),
  notBeforeMs: z.int(),
  expiresAtMs: z.int(),
  counter: z.int(),
  signature: z.object({ key: z.string(), value: z.string() }),
});
type Request = z.infer<typeof request>;
const state = z.looseObject({ id: z.string(), final: z.looseObject({ kind: z.string() }).optional() });

describe("the function behind an HTTP API, with the services of AWS on this machine", () => {
  const stops: (() => unknown)[] = [];
  const published: Request[] = [];
  let folder: string;
  let keys: KeyService;
  let client: DynamoDBClient;
  let tables: TableRuleServices;
  let rules: RulesEngine;
  let app: { readonly origin: string };
  let anna: string;
  let presence = "online";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-function-"));
    stops.push(() => rmSync(folder, { recursive: true }));
    const dynamodb: LocalDynamoDb = await startDynamoDb(join(folder, "dynamodb.log"));
    stops.push(() => dynamodb.stop());
    client = localClient(dynamodb.endpoint);
    stops.push(() => client.destroy());
    await createTables(dynamodb.endpoint, ENVIRONMENT);
    await createCompanionTable(client);
    keys = await KeyService.start();
    stops.push(() => keys.endpoint.stop());
    const iot = await AwsEndpoint.start(answerOfIot);
    stops.push(() => iot.stop());
    const template = new DeployedTemplate("config/aws/records.yaml", { Environment: ENVIRONMENT });
    const surroundings = {
      files: new Map<string, Uint8Array>(),
      nowMs: () => Date.now(),
      form: { keepsCase: true, longsAsText: true },
    };
    tables = new TableRuleServices(client);
    rules = new RulesEngine(template.rules(), surroundings, tables);
    const [port, providerPort] = [await freePorts(1), await freePorts(1)];
    app = { origin: `http://localhost:${port}` };
    stops.push(setEnvironment({ ...LOCAL_AWS, ...environmentOf(dynamodb.endpoint, iot.url, providerPort) }));
    stops.push(closer(await startProvider(providerPort)));
    stops.push(closer(await startHttpApi(port, handler)));
    await bind("anna", "vehicle-7", { thing: "truck-7", name: "Truck 7", role: "owner" });
    const begun = await beginSignIn(app);
    anna = (await comeBack(await logIn(begun, ANNA), begun.cookie)).session ?? "";
  });
  afterAll(async () => {
    for (const stop of stops.toReversed()) await stop();
  });

  it("is what the template deploys: its environment, scopes and addresses fit", async () => {
    const [deployed] = TEMPLATE.resources("AWS::Lambda::Function");
    const { Environment } = z
      .object({ Environment: z.object({ Variables: z.record(z.string(), z.string()) }) })
      .parse(deployed);
    const settings = readSettings(Environment.Variables);
    expect(settings).toMatchObject({
      COMPANION_ROAD: "iot",
      COMPANION_STREAM: "buffered",
      COMPANION_TABLE: TABLE,
    });
    const unread = Object.keys(Environment.Variables).filter((name) => !(name in settings));
    expect(unread).toEqual([]);
    const [client] = TEMPLATE.resources("AWS::Cognito::UserPoolClient");
    const { authorize } = await beginSignIn(app);
    const asked = new URL(authorize).searchParams;
    expect(client).toMatchObject({
      AllowedOAuthScopes: asked.get("scope")?.split(" "),
      CallbackURLs: [`${settings.COMPANION_ORIGIN}/sign-in/callback`],
      LogoutURLs: [`${settings.COMPANION_ORIGIN}/`],
      AllowedOAuthFlows: [asked.get("response_type")],
    });
  });

  it("serves the page, and nothing of a person to somebody who has not signed in", async () => {
    expect(await (await fetch(`${app.origin}/`)).text()).toContain("<title>Causeway companion</title>");
    expect((await fetch(`${app.origin}/api/vehicles`)).status).toBe(401);
    expect(anna).toMatch(/^__Host-causeway-session=[\w-]{43}$/);
  });

  it("carries a command there and its answer back, through buffered streams", async () => {
    const begun = state.parse(await (await command("lock")).json());
    const events = `${app.origin}/api/vehicles/vehicle-7/commands/${begun.id}/events`;
    const first = await (await fetch(events, { headers: { cookie: anna } })).text();
    expect([first.match(/^event: .*$/gm), first.match(/^id: .*$/gm)]).toEqual([["event: progress"], ["id: 1"]]);
    const [sent] = published;
    expect(sent).toMatchObject({ id: begun.id, thing: "truck-7", action: "doors.lock" });
    const key = keyObjectOf(keys.pinned(KEY_ID).publicKey);
    if (sent !== undefined) expect(isSignedBy(key, signedText(sent), sent.signature.value)).toBe(true);
    const rest = fetch(events, { headers: { cookie: anna, "last-event-id": "1" } });
    await answer("truck-8", begun.id, {
      status: "FAILED",
      reason: { code: "INTERNAL_ERROR", description: "of another" },
    });
    await answer("truck-7", begun.id, { status: "SUCCEEDED", result: {} });
    const last = await (await rest).text();
    expect([last.match(/^event: .*$/gm), last.match(/^id: .*$/gm)]).toEqual([["event: final"], ["id: 3"]]);
    expect(last).toContain("The doors are locked.");
    expect((await fetch(events, { headers: { cookie: anna, "last-event-id": "3" } })).status).toBe(204);
  });

  it("says the reason of a vehicle that moves", async () => {
    const { id } = state.parse(await (await command("unlock")).json());
    const description = "speed < 3.0 is not true: speed = 30";
    await answer("truck-7", id, {
      status: "REJECTED",
      reason: { code: "PRECONDITION_FAILED", description },
      result: {},
    });
    expect((await ended(id)).final?.kind).toBe("moving");
  });

  it("publishes nothing to a vehicle that sleeps", async () => {
    const before = published.length;
    presence = "asleep";
    expect(state.parse(await (await command("lock")).json()).final?.kind).toBe("asleep");
    presence = "online";
    expect(published).toHaveLength(before);
  });

  it("sends one request however often a key comes, with counters that rise", async () => {
    const before = published.length;
    const key = randomUUID();
    await Promise.all(Array.from({ length: 4 }, () => command("lock", key)));
    const sent = published.slice(before);
    expect(sent.length).toBeGreaterThan(0);
    expect(new Set(sent.map((one) => JSON.stringify(one))).size).toBe(1);
    const counters = [...Map.groupBy(published, ({ id }) => id).values()].map(([one]) => one?.counter ?? 0);
    expect(counters).toEqual(counters.toSorted((left, right) => left - right));
    expect(new Set(counters).size).toBe(counters.length);
  });

  const command = async (action: string, key: string = randomUUID()): Promise<Response> =>
    await fetch(`${app.origin}/api/vehicles/vehicle-7/commands`, {
      method: "POST",
      headers: {
        cookie: anna,
        origin: app.origin,
        "x-causeway": "1",
        "content-type": "application/json",
        "idempotency-key": key,
      },
      body: JSON.stringify({ action }),
    });

  async function ended(id: string): Promise<z.infer<typeof state>> {
    const url = `${app.origin}/api/vehicles/vehicle-7/commands/${id}`;
    const look = async () => {
      const seen = state.parse(await (await fetch(url, { headers: { cookie: anna } })).json());
      return seen.final === undefined ? undefined : seen;
    };
    return await until(look, { what: "the end of a command", timeoutMs: 20_000 });
  }

  /** A vehicle answers, as its policy lets it: under its own name. */
  async function answer(thing: string, id: string, body: object): Promise<void> {
    const payload = Buffer.from(JSON.stringify({ schemaVersion: 1, request: id, ...body }));
    const topic = `cmd/causeway/${thing}/${id}/response`;
    const ran = await rules.publish({ topic, payload, clientId: thing, principal: "a".repeat(64), userProperties: [] });
    expect([ran.length, tables.logs]).toEqual([1, []]);
  }

  async function bind(user: string, id: string, binding: object): Promise<void> {
    const Item = { pk: { S: `user#${user}` }, sk: { S: `vehicle#${id}` }, body: { S: JSON.stringify(binding) } };
    await client.send(new PutItemCommand({ TableName: TABLE, Item }));
  }

  function answerOfIot({ method, url, body }: ServiceRequest): ServiceAnswer {
    if (method === "POST") {
      published.push(request.parse(JSON.parse(body.toString())));
      return { status: 200, body: {} };
    }
    const isPresence = decodeURIComponent(url.pathname) === "/retainedMessage/dt/causeway/truck-7/presence";
    if (!isPresence) return { status: 404, body: {}, error: "ResourceNotFoundException" };
    const said = JSON.stringify({ state: presence, at: "2026-01-01T00:00:00.000Z" });
    return { status: 200, body: { payload: Buffer.from(said).toString("base64") } };
  }

  function environmentOf(dynamodb: string, iot: string, providerPort: number): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
      AWS_ENDPOINT_URL_KMS: keys.endpoint.url,
      COMPANION_ORIGIN: app.origin,
      COMPANION_ISSUER: issuerAt(providerPort),
      COMPANION_CLIENT_ID: "companion",
      COMPANION_SIGNING_KEY: `kms:${keys.arn}`,
      COMPANION_SIGNING_KEY_ID: KEY_ID,
      COMPANION_ROAD: "iot",
      COMPANION_STREAM: "buffered",
      COMPANION_TABLE: TABLE,
      COMPANION_ANSWERS_TABLE: ANSWERS_TABLE,
      COMPANION_STATE_TABLE: `causeway-${ENVIRONMENT}-state`,
      COMPANION_IOT_ENDPOINT: iot,
    };
  }

  async function startProvider(port: number): Promise<Server> {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return await startOidcProvider({
      port,
      key: { ...privateKey.export({ format: "jwk" }), kid: "test" },
      client: { id: "companion", redirectUri: `${app.origin}/sign-in/callback`, signedOutUri: `${app.origin}/` },
      users: [ANNA],
    });
  }
});

/** What of a table's properties a local service knows. */
const table = z.object({
  TableName: z.literal(TABLE),
  BillingMode: z.literal("PAY_PER_REQUEST"),
  AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(["S", "N", "B"]) })),
  KeySchema: z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(["HASH", "RANGE"]) })),
  TimeToLiveSpecification: z.strictObject({ AttributeName: z.literal("expires"), Enabled: z.literal(true) }),
});

/** As app.yaml has it. */
async function createCompanionTable(client: DynamoDBClient): Promise<void> {
  const [properties] = TEMPLATE.resources("AWS::DynamoDB::Table");
  const { TimeToLiveSpecification: _, ...request } = table.parse(properties);
  await client.send(new CreateTableCommand(request));
}

/** Sets variables of this process; gives what puts them back. */
function setEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

function closer(server: Server): () => void {
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
