import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamodbSettings } from "../../../agent/consumer/dynamodb/settings.ts";
import { openSlotTable } from "../../../agent/consumer/dynamodb/slot-table.ts";
import {
  consumerTables,
  createTables,
  LOCAL_AWS,
  type LocalDynamoDb,
  startDynamoDb,
} from "../../bench/cloud/dynamodb.ts";

describe("slots in DynamoDB", () => {
  let folder: string;
  let service: LocalDynamoDb;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-slots-"));
    service = await startDynamoDb(join(folder, "dynamodb.log"));
    await createTables(service.endpoint, "slots");
    Object.assign(process.env, LOCAL_AWS);
  });
  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  it("are written by the one that has read them last, and by one of many", async () => {
    const place = { endpoint: service.endpoint, region: LOCAL_AWS.AWS_REGION, ...consumerTables("slots") };
    const settings = dynamodbSettings.parse({ kind: "dynamodb", ...place });
    const [book, other] = [openSlotTable(settings, "g"), openSlotTable(settings, "g")];
    const elsewhere = openSlotTable(settings, "h");
    expect(await book.read(0)).toBeUndefined();
    const claims = Array.from({ length: 10 }, (_, at) => ({ owner: `w${at}`, untilMs: 1000 + at, hasLeft: false }));
    const outcomes = await Promise.all(
      claims.map((claim, at) => (at % 2 === 0 ? book : other).write(0, claim, undefined)),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const winner = claims[outcomes.indexOf(true)];
    expect(await other.read(0)).toEqual(winner);
    const renewed = { ...winner, untilMs: 5000 };
    expect(await other.write(0, renewed, winner)).toBe(true);
    expect(await book.write(0, { ...winner, hasLeft: true }, winner)).toBe(false);
    expect(await book.write(0, { ...renewed, untilMs: 0, hasLeft: true }, renewed)).toBe(true);
    expect(await book.read(0)).toEqual({ ...renewed, untilMs: 0, hasLeft: true });
    expect(await book.read(1)).toBeUndefined();
    expect(await elsewhere.read(0)).toBeUndefined();
    for (const one of [book, other, elsewhere]) one.close();
  });
});
