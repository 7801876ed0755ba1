import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDbAnswers } from "../../agent/companion/store/dynamodb-answers.ts";
import { DynamoDbRows } from "../../agent/companion/store/dynamodb-rows.ts";
import { IotFacts } from "../../agent/companion/vehicle/iot-facts.ts";
import { type LocalDynamoDb, localClient, startDynamoDb } from "../bench/cloud/dynamodb.ts";
import { describeRows } from "./companion-rows.suite.ts";

describe("the companion's tables in DynamoDB", () => {
  let folder: string;
  let service: LocalDynamoDb;
  let client: DynamoDBClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-rows-"));
    service = await startDynamoDb(join(folder, "dynamodb.log"));
    client = localClient(service.endpoint);
    for (const [table, hash, range] of [
      ["companion", "pk", "sk"],
      ["answers", "pk", "sk"],
      ["state", "thing", "fact"],
    ] as const) {
      await client.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: "PAY_PER_REQUEST",
          AttributeDefinitions: [
            { AttributeName: hash, AttributeType: "S" },
            { AttributeName: range, AttributeType: "S" },
          ],
          KeySchema: [
            { AttributeName: hash, KeyType: "HASH" },
            { AttributeName: range, KeyType: "RANGE" },
          ],
        }),
      );
    }
  });
  afterAll(async () => {
    client.destroy();
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  describeRows("in DynamoDB", () => new DynamoDbRows(client, "companion"));

  it("gives what a rule has put of a command, of this thing alone", async () => {
    const put = async (pk: string, sk: string, reason?: { code: string; description: string }): Promise<void> => {
      const M = reason && { code: { S: reason.code }, description: { S: reason.description } };
      const Item = { pk: { S: pk }, sk: { S: sk }, heardMs: { N: "1" }, ...(M === undefined ? {} : { reason: { M } }) };
      await client.send(new PutItemCommand({ TableName: "answers", Item }));
    };
    await put("answer#truck-7/id-1", "IN_PROGRESS");
    await put("answer#truck-7/id-1", "FAILED", { code: "NO_RESPONSE", description: "the doors\nsaid nothing" });
    await put("answer#truck-7/id-1", "NONSENSE");
    await put("answer#truck-8/id-1", "SUCCEEDED");
    const answers = new DynamoDbAnswers(client, "answers");
    expect(await answers.read("truck-7", "id-1")).toEqual([
      { status: "FAILED", reason: { code: "NO_RESPONSE", description: "the doors said nothing" } },
      { status: "IN_PROGRESS" },
    ]);
    expect(await answers.read("truck-7", "id-2")).toEqual([]);
  });

  it("gives the newest of the last known values that the workers of the consumer keep, over all pages", async () => {
    const known = (v: string, t: string) => ({ M: { v: { N: v }, t: { N: t }, o: { N: t }, u: { S: "km/h" } } });
    const put = async (fact: string, signals: Record<string, ReturnType<typeof known>>): Promise<void> => {
      // Four such items are more than the 1 MB of a page.
      const padding = { M: { x: { S: "x".repeat(300_000) } } };
      const Item = {
        thing: { S: "truck-7" },
        fact: { S: fact },
        signals: { M: { ...signals, "Other.Signal": padding } },
      };
      await client.send(new PutItemCommand({ TableName: "state", Item }));
    };
    const speed = "VehicleMotion.Speed";
    await put("last#can0#causeway-0", { [speed]: known("11", "1767225600000000") });
    await put("last#can0#causeway-1", { [speed]: known("10", "1767225500000000") });
    await put("last#can0#causeway-2", {});
    await put("last#can0#causeway-3", { "DoorStatus.Locked": known("1", "1767225400000000") });
    await put("last#can0#causeway-4", { [speed]: known("12.5", "1767225700000000") });
    const facts = new IotFacts({
      iot: { send: () => Promise.reject(new Error("no")) },
      dynamodb: client,
      stateTable: "state",
    });
    expect(await facts.latest("truck-7")).toEqual([
      { signal: "DoorStatus.Locked", value: 1, unit: "km/h", timeMs: 1_767_225_400_000 },
      { signal: speed, value: 12.5, unit: "km/h", timeMs: 1_767_225_700_000 },
    ]);
    expect(await facts.latest("truck-8")).toEqual([]);
  });
});
