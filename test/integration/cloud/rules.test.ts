import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReceivedPublish } from "../../../agent/ports/broker.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { createTables, type LocalDynamoDb, localClient, startDynamoDb } from "../../bench/cloud/dynamodb.ts";
import { RulesEngine } from "../../bench/cloud/rules/rules-engine.ts";
import { DeployedTemplate } from "../../bench/cloud/rules/template-rules.ts";
import { TableRuleServices } from "../../fakes/bench/table-rule-services.ts";
import { startDaemon } from "../../fakes/daemon/daemon.ts";
import { CampaignVehicle } from "../telemetry/campaign-vehicle.ts";

const RULE = "causeway_dev_records";
const BODIES = { rows: "direct", json: "broker" } as const;

describe("the rules of records.yaml behind a running agent", () => {
  let folder: string;
  let vehicle: CampaignVehicle;
  let dynamo: LocalDynamoDb;
  let client: DynamoDBClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-rules-"));
    [vehicle, dynamo] = await Promise.all([
      CampaignVehicle.start(folder, Object.values(BODIES)),
      startDynamoDb(join(folder, "dynamodb.log")),
    ]);
    await createTables(dynamo.endpoint, "dev");
    client = localClient(dynamo.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await dynamo.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  /** Levels in the table for a vehicle, in percent. */
  async function levelsOf(thing: string): Promise<number[]> {
    const ExpressionAttributeValues = { ":thing": { S: thing } };
    const KeyConditionExpression = "thing = :thing";
    const { Items = [] } = await client.send(
      new QueryCommand({ TableName: "causeway-dev-rows", KeyConditionExpression, ExpressionAttributeValues }),
    );
    const rows = Items.flatMap(({ rows: body }) => body?.M?.["rows"]?.L ?? []);
    return rows.map(({ M = {} }) => Number(M["number"]?.N)).toSorted((left, right) => left - right);
  }

  it.each(["rows", "json"] as const)("write each value of a campaign with form %s into a table, once", async (form) => {
    const thing = BODIES[form];
    const files = new Map([["causeway-dev-artifact-bucket/descriptors/telemetry.desc", readDescriptor()]]);
    const surroundings = { files, nowMs: () => Date.now(), form: { keepsCase: false, longsAsText: true } };
    const services = new TableRuleServices(client);
    const engine = new RulesEngine(new DeployedTemplate("config/aws/records.yaml").rules(), surroundings, services);
    const ran: string[] = [];
    const take = (message: ReceivedPublish): void => {
      const payload = message.payload.slice();
      void engine.publish({ ...message, payload, clientId: thing, principal: "" }).then((names) => ran.push(...names));
    };
    await vehicle.subscribe(form === "rows" ? `$aws/rules/${RULE}/dt/causeway/+/+` : `dt/causeway/${thing}/+`, take);
    const campaign = { collect: [{ signals: "Body.Level", mode: "every", ms: 0 }], send: { form } };
    const home = await vehicle.home(thing, { levels: campaign }, (config) => {
      config.collect = { rules: [{ signals: "*", mode: "off" }] };
      if (form === "rows") config.topics = { record: `$aws/rules/${RULE}/dt/causeway/{thing}/{stream}` };
    });
    const daemon = await startDaemon(home);
    await vehicle.until("the agent is online and hears its buses", async () => {
      const { link, buses } = await daemon.status();
      return link.state === "online" && buses.every(({ state }) => state === "up") ? true : undefined;
    });
    const levels = [1, 2, 5, 127, 4242];
    for (const level of levels) vehicle.send("can1", level);
    await vehicle.until("the rows are in the table", async () =>
      (await levelsOf(thing)).length >= levels.length ? true : undefined,
    );
    expect(await levelsOf(thing)).toEqual(levels.map((level) => level * 0.1));
    expect(new Set(ran.filter((name) => name.startsWith(RULE) && !/_(presence|buses|notices)$/.test(name)))).toEqual(
      new Set([form === "rows" ? RULE : `${RULE}_json`]),
    );
  });
});
