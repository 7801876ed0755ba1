import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { consumerConfig } from "../../../agent/consumer/settings.ts";
import { makeFunctionZip } from "../../../scripts/stacks/deploy/function-zip.ts";
import { LOCAL_AWS, type LocalDynamoDb, localClient, startDynamoDb } from "../../bench/cloud/dynamodb.ts";
import { DeployedTemplate } from "../../bench/cloud/rules/template-rules.ts";
import { startChild } from "../../bench/core/child.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { until } from "../../bench/core/wait.ts";

const SEED = 15;
const FLEET = "arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/causeway-dev-fleet";
const ROTATION = FLEET.replace("fleet", "rotation");
const certificate = (digit: string): string => digit.repeat(64);

/** Nothing of a request but names is logged. */
const SECRET = "-----BEGIN CERTIFICATE-----";

type Handler = (event: unknown) => Promise<unknown>;
const moduleShape = z.object({ handler: z.custom<Handler>((value) => typeof value === "function") });

const IOT_ENDPOINT = "abc-ats.iot.eu-central-1.amazonaws.com";

/** A text below a resource of a template, by its path. */
function textIn(template: string, given: Readonly<Record<string, string>>, id: string, ...path: string[]): string {
  return z.string().parse(new DeployedTemplate(`config/aws/${template}.yaml`, given).property(id, ...path));
}

/** Settings of the worker as its task has them. */
function workerSettings(given: Readonly<Record<string, string>>): string {
  return textIn("consumer", given, "Task", "ContainerDefinitions", "0", "Environment", "0", "Value");
}

/** The code of a function as it stands in a template, run as Lambda runs it: CommonJS, with the SDK of the runtime. */
function handlerOf(folder: string, template: string, logicalId: string, sdk: string): Handler {
  const text = textIn(template, {}, logicalId, "Code", "ZipFile");
  const file = join(folder, `${logicalId}.cjs`);
  writeFileSync(file, text.replaceAll(/require\("(@aws-sdk\/[\w-]+)"\)/g, `require(${JSON.stringify(sdk)})`));
  return moduleShape.parse(createRequire(import.meta.url)(file)).handler;
}

let folder: string;
/** What the functions say. */
let said: string[];
beforeEach(() => {
  said = [];
  const take = (line: string): void => void said.push(line);
  vi.spyOn(console, "info").mockImplementation(take);
  vi.spyOn(console, "warn").mockImplementation(take);
});
afterEach(() => vi.restoreAllMocks());
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-code-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the provisioning hook, as it stands in the template, before a DynamoDB of this machine", () => {
  let dynamodb: LocalDynamoDb;
  let hook: Handler;
  let last = 0;

  beforeAll(async () => {
    dynamodb = await startDynamoDb(join(folder, "dynamodb.log"));
    await localClient(dynamodb.endpoint).send(
      new CreateTableCommand({
        TableName: "causeway-dev-serials",
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "serial", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "serial", KeyType: "HASH" }],
      }),
    );
    Object.assign(process.env, LOCAL_AWS, {
      AWS_ENDPOINT_URL: dynamodb.endpoint,
      SERIALS: "causeway-dev-serials",
      FLEET: "causeway-dev-fleet",
      ROTATION: "causeway-dev-rotation",
    });
    hook = handlerOf(folder, "iot", "Hook", createRequire(import.meta.url).resolve("@aws-sdk/client-dynamodb"));
  }, 60_000);
  afterAll(async () => await dynamodb.stop());

  const put = async (serial: string, more: Readonly<Record<string, string>>): Promise<void> => {
    const texts = Object.entries({ serial, ...more }).map(([name, text]) => [name, { S: text }] as const);
    await localClient(dynamodb.endpoint).send(
      new PutItemCommand({ TableName: "causeway-dev-serials", Item: Object.fromEntries(texts) }),
    );
  };
  const ask = async (
    serial: string,
    changes: Readonly<Record<string, unknown>> = {},
    thing = serial,
  ): Promise<boolean> => {
    const parameters = { SerialNumber: serial, ThingName: thing };
    const event = {
      templateArn: FLEET,
      certificateId: certificate("a"),
      clientId: `claim-${thing}`,
      parameters,
      certificatePem: SECRET,
      ...changes,
    };
    return z.object({ allowProvisioning: z.boolean() }).parse(await hook(event)).allowProvisioning;
  };
  const fresh = async (more: Readonly<Record<string, string>> = { state: "allowed" }): Promise<string> => {
    const serial = `S-${++last}`;
    await put(serial, more);
    return serial;
  };

  it("lets a serial number of the list in once, and again for the same certificate alone", async () => {
    const serial = await fresh();
    expect(await ask(serial)).toBe(true);
    expect(await ask(serial)).toBe(true);
    expect(await ask(serial, { certificateId: certificate("b") })).toBe(false);
    expect(said.at(-1)).toBe(`{"event":"provisioning.refused","reason":"not-allowed","serial":"${serial}"}`);
    expect(said.join()).not.toContain(SECRET);
    const item = await localClient(dynamodb.endpoint).send(
      new GetItemCommand({ TableName: "causeway-dev-serials", Key: { serial: { S: serial } } }),
    );
    expect(item.Item).toMatchObject({
      state: { S: "used" },
      thing: { S: serial },
      certificateId: { S: certificate("a") },
    });
  });

  it("refuses who is unknown, blocked, another's, or malformed", async () => {
    expect(await ask("S-unknown")).toBe(false);
    expect(await ask(await fresh({ state: "blocked" }))).toBe(false);
    expect(await ask(await fresh({ state: "allowed", thing: "truck-1" }))).toBe(false);
    expect(await ask(await fresh(), {}, "truck-of-another")).toBe(false);
    expect(await ask(await fresh({ state: "allowed", thing: "truck-2" }), {}, "truck-2")).toBe(true);
    const serial = await fresh();
    for (const changes of [
      { parameters: undefined },
      { parameters: {} },
      { parameters: { SerialNumber: { S: serial }, ThingName: serial } },
      { parameters: { SerialNumber: `${serial}\n`, ThingName: serial } },
      { certificateId: "x" },
      { templateArn: `${FLEET}-of-another` },
      { templateArn: undefined },
    ]) {
      expect(await ask(serial, changes), `of ${JSON.stringify(changes)}`).toBe(false);
    }
  });

  it("lets one of many in that come with one serial number at a time", async () => {
    const serial = await fresh();
    const asked = Array.from("0123456789abcdef", (digit) => ask(serial, { certificateId: certificate(digit) }));
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
  });

  it("renews for the vehicle itself, and for no other", async () => {
    const [serial, other] = [await fresh(), await fresh()];
    const renew = (of: string, clientId: string): Promise<boolean> =>
      ask(of, { templateArn: ROTATION, certificateId: certificate("c"), clientId });
    expect(await renew(serial, serial)).toBe(false);
    expect([await ask(serial), await ask(other)]).toEqual([true, true]);
    expect(await renew(serial, serial)).toBe(true);
    expect(await renew(serial, other)).toBe(false);
    expect(await renew(other, serial)).toBe(false);
    await put(serial, { state: "blocked", thing: serial });
    expect(await renew(serial, serial)).toBe(false);
  });

  it(`decides as a plain model does, over random requests (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
    const model = new Map<string, { state: string; thing: string | undefined; certificate?: string }>();
    const names = ["M-1", "M-2", "M-3"];
    for (const serial of names) {
      const given = { state: pick(["allowed", "allowed", "blocked"]), thing: pick([undefined, "M-1", "M-2"]) };
      model.set(serial, given);
      await put(serial, { state: given.state, ...(given.thing === undefined ? {} : { thing: given.thing }) });
    }
    for (let turn = 0; turn < 150; turn++) {
      const [serial, thing, clientId] = [pick([...names, "M-4"]), pick(names), pick(names)];
      const [isRotation, certificateId] = [random() < 0.4, certificate(pick(["1", "2", "3"]))];
      const known = model.get(serial);
      const isOwn = (known?.thing ?? serial) === thing;
      const isFree = known?.state === "allowed" || (known?.state === "used" && known.certificate === certificateId);
      const expected = isRotation
        ? known?.state === "used" && known.thing === thing && clientId === thing
        : known !== undefined && isOwn && isFree;
      const changes = { templateArn: isRotation ? ROTATION : FLEET, certificateId, clientId };
      expect(await ask(serial, changes, thing), `turn ${turn}`).toBe(expected);
      if (expected) model.set(serial, { state: "used", thing, certificate: certificateId });
    }
  });
});

describe("the function that takes certificates back, as it stands in the template", () => {
  const sdk = `
    class Command { constructor(input) { this.input = input; } }
    exports.ListThingPrincipalsCommand = class List extends Command {};
    exports.DescribeCertificateCommand = class Describe extends Command {};
    exports.UpdateCertificateCommand = class Update extends Command {};
    exports.IoTClient = class { async send(command) { return globalThis.causewayIot(command.constructor.name, command.input); } };`;
  /** When each certificate of truck-1 was made; the newest is e. */
  const MADE: Readonly<Record<string, string>> = { c: "2026-01-01", d: "2026-02-01", e: "2026-03-01" };
  let retire: Handler;
  let updated: unknown[];

  beforeEach(() => {
    const file = join(folder, "sdk.cjs");
    writeFileSync(file, sdk);
    retire = handlerOf(folder, "records", "RetireFunction", file);
    updated = [];
    Reflect.set(globalThis, "causewayIot", (command: string, input: { certificateId?: string }) => {
      if (command === "List")
        return { principals: Object.keys(MADE).map((digit) => `arn:aws:iot:r:1:cert/${certificate(digit)}`) };
      if (command === "Update") updated.push(input);
      const made = MADE[input.certificateId?.[0] ?? ""];
      return { certificateDescription: { creationDate: new Date(made), status: "ACTIVE" } };
    });
  });

  const announce = (current: string, previous: string, principal = current): Promise<unknown> =>
    retire({
      thing: "truck-1",
      current: certificate(current),
      previous: certificate(previous),
      principal: certificate(principal),
    });

  it("takes the certificate back that the announced one came after", async () => {
    await announce("e", "d");
    expect(updated).toEqual([{ certificateId: certificate("d"), newStatus: "INACTIVE" }]);
  });

  it("takes nothing back for who holds an older one, another's, or none of the thing's", async () => {
    await announce("c", "e");
    await announce("e", "d", "c");
    await announce("f", "e");
    await announce("e", "f");
    await announce("e", "e");
    await retire({ thing: "truck-1", principal: certificate("e") });
    expect(updated).toEqual([]);
  });
});

describe("the companion function, from its zip, with the environment that the template gives it", () => {
  it("is loaded by its handler's name, without this checkout, and answers with the page", async () => {
    const zip = await makeFunctionZip(process.cwd(), folder);
    const code = join(folder, "function");
    expect(spawnSync("python3", ["-m", "zipfile", "-e", zip, code]).status).toBe(0);
    const app = new DeployedTemplate("config/aws/app.yaml", { IotEndpoint: IOT_ENDPOINT });
    const variables = z.record(z.string(), z.string()).parse(app.property("Function", "Environment", "Variables"));
    // Ids of APIs have no capitals, as the logical id has that stands for it here.
    const environment = Object.fromEntries(
      Object.entries(variables).map(([name, text]) => [name, text.replaceAll("Api.execute-api", "a1.execute-api")]),
    );
    const handler = app.property("Function", "Handler");
    const request = {
      version: "2.0",
      routeKey: "$default",
      rawPath: "/",
      rawQueryString: "",
      headers: { host: "api.execute-api.eu-central-1.amazonaws.com" },
      requestContext: {
        http: { method: "GET", path: "/", protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      },
      isBase64Encoded: false,
    };
    const script = `
      const [file, name] = ${JSON.stringify(handler)}.split(".");
      const functions = await import(${JSON.stringify(code)} + "/" + file + ".js");
      process.stdout.write(JSON.stringify(await functions[name](${JSON.stringify(request)}, {})));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      cwd: folder,
      env: { ...environment, AWS_REGION: "eu-central-1" },
    });
    const answer = z.object({ statusCode: z.number(), body: z.string() }).safeParse(JSON.parse(stdout || "{}"));
    expect([answer.data?.statusCode, stderr]).toEqual([200, ""]);
    expect(answer.data?.body).toContain("<html");
  }, 30_000);
});

describe("the function that has AWS Private CA sign, as it stands in the template", () => {
  it("hands the request over as it came and gives the certificate once it is issued", async () => {
    const file = join(folder, "acm-pca.cjs");
    writeFileSync(
      file,
      `
      class Command { constructor(input) { this.input = input; } }
      exports.IssueCertificateCommand = class Issue extends Command {};
      exports.GetCertificateCommand = class Get extends Command {};
      exports.waitUntilCertificateIssued = async (_, input) => globalThis.causewayAuthority("Wait", input);
      exports.ACMPCAClient = class { async send(command) { return globalThis.causewayAuthority(command.constructor.name, command.input); } };`,
    );
    process.env.AUTHORITY = "arn:ca";
    const provide = handlerOf(folder, "authority", "Provider", file);
    const asked: unknown[] = [];
    Reflect.set(globalThis, "causewayAuthority", (command: string, input: unknown) => {
      asked.push([command, input]);
      return command === "Get" ? { Certificate: "PEM" } : { CertificateArn: "arn:certificate" };
    });
    expect(await provide({ certificateSigningRequest: "CSR", principalId: "p", clientId: "c" })).toEqual({
      certificatePem: "PEM",
    });
    const named = { CertificateAuthorityArn: "arn:ca", CertificateArn: "arn:certificate" };
    const Csr = new TextEncoder().encode("CSR");
    const order = {
      CertificateAuthorityArn: "arn:ca",
      Csr,
      SigningAlgorithm: "SHA256WITHECDSA",
      Validity: { Type: "DAYS", Value: 365 },
    };
    expect(asked).toEqual([
      ["Issue", order],
      ["Wait", named],
      ["Get", named],
    ]);
  });
});

describe("the metrics of the consumer's tasks, as the template has them", () => {
  it("become one line in CloudWatch's embedded format, counters as what came since", async () => {
    const texts = [
      'causeway_consumer_up 1\ncauseway_consumer_written_total 10\ncauseway_consumer_refused_total{reason="a b"} 1\ncauseway_consumer_refused_total{reason="c"} 2\ncauseway_consumer_gaps 0\n',
      '# HELP x\ncauseway_consumer_up 1\ncauseway_consumer_written_total 25\ncauseway_consumer_refused_total{reason="a b"} 4\ncauseway_consumer_refused_total{reason="c"} 2\ncauseway_consumer_lag_seconds 1.5\ncauseway_consumer_gaps 3\n',
    ];
    let asked = 0;
    const server = createServer((_, response) => response.end(texts[Math.min(asked++, 1)]));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const code = textIn("consumer", {}, "Task", "ContainerDefinitions", "1", "Command", "0");
    const lines: string[] = [];
    const environment = { NAMESPACE: "Causeway/dev", PERIOD_MS: "100", URL: `http://127.0.0.1:${port}/metrics` };
    const log = join(folder, "metrics.log");
    const child_ = await startChild({
      command: process.execPath,
      args: ["-e", code],
      environment,
      logFile: log,
      onLine: (line) => lines.push(line),
    });
    await until(() => (lines.length > 1 ? true : undefined), { what: "two lines", timeoutMs: 20_000 });
    await child_.stop();
    server.close();
    const [first, second] = lines.map((line): unknown => JSON.parse(line));
    expect(first).toMatchObject({ Service: "consumer", Up: 1, Written: 10, Refused: 3, Gaps: 0, CommitFailures: 0 });
    expect(first).not.toHaveProperty("LagSeconds");
    expect(second).toMatchObject({ Up: 1, LagSeconds: 1.5, Written: 15, Refused: 3, Gaps: 3 });
    const names = ["Up", "LagSeconds", "Gaps", "Written", "Repeats", "Refused", "CommitFailures"].map((Name) => ({
      Name,
    }));
    expect(second).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Namespace: "Causeway/dev", Dimensions: [["Service"]], Metrics: names }] },
    });
    expect(existsSync(log) ? readFileSync(log, "utf8") : "").toBe("");
  });

  it.each(["on", "off"])("stand beside settings that the worker takes (payloads encrypted: %s)", (decrypts) => {
    const parameters = { IotEndpoint: IOT_ENDPOINT, DecryptsPayloads: decrypts };
    const settings = consumerConfig.parse(parse(workerSettings(parameters)));
    expect(settings).toMatchObject({ group: "causeway-dev", slots: 16, leaves: true, sink: { kind: "dynamodb" } });
    expect(settings.decrypt?.kms?.keyArns).toEqual(decrypts === "on" ? ["causeway-dev-payload-key-arn"] : undefined);
  });

  it.each([
    ["", []],
    [
      "cms/fleetwise/",
      ["cms/fleetwise/vehicles/{thing}/signals", "cms/fleetwise/vehicles/{thing}/last_known_states/data"],
    ],
  ])("stand beside settings that name what vehicles send to FleetWise (%s)", (prefix, foreign) => {
    const text = workerSettings({ IotEndpoint: "a.b", FleetwisePrefix: prefix });
    expect(consumerConfig.parse(parse(text)).topics.foreign).toEqual(foreign);
  });

  it("have the names that the worker gives them", () => {
    const code = textIn("consumer", {}, "Task", "ContainerDefinitions", "1", "Command", "0");
    const worker = readFileSync("agent/consumer/metrics/worker-metrics.ts", "utf8");
    for (const [, name] of code.matchAll(/(?:gauge|since)\("(\w+)"\)/g)) {
      expect(worker).toMatch(new RegExp(`"${name}"|causeway_consumer_${name}_total`));
    }
  });
});
