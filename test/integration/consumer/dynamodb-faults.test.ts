import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type AttributeValue, paginateQuery, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type DynamodbSinkParts, openDynamodbSink } from "../../../agent/consumer/dynamodb/dynamo-sink.ts";
import { dynamodbSettings } from "../../../agent/consumer/dynamodb/settings.ts";
import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import type { CommitOutcome, Sink } from "../../../agent/consumer/store/sink.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import {
  consumerTables,
  createTables,
  LOCAL_AWS,
  type LocalDynamoDb,
  localClient,
  startDynamoDb,
} from "../../bench/cloud/dynamodb.ts";
import { type DynamoDbFaults, startDynamoDbFaults } from "../../bench/cloud/dynamodb-faults.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { deliveryOf, foreignDelivery, NEW_YEAR_US, recordOf } from "../../fakes/consumer/deliveries.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const SEED = 15;
const ENVIRONMENT = "faults";
const TABLES = consumerTables(ENVIRONMENT);
const reader = createRecordReader(readDescriptor());
const content = z.object({ columns: z.array(z.object({ values: z.array(z.number()) })) });

const folder = mkdtempSync(join(tmpdir(), "causeway-dynamodb-"));
let service: LocalDynamoDb;
let faults: DynamoDbFaults;
let sinks: Sink[] = [];

beforeAll(async () => {
  Object.assign(process.env, LOCAL_AWS);
});
beforeEach(async () => {
  service = await startDynamoDb(join(folder, "dynalite.log"));
  await createTables(service.endpoint, ENVIRONMENT);
  faults = await startDynamoDbFaults(service.endpoint, SEED, 0);
});
afterEach(async () => {
  for (const sink of sinks) await sink.close();
  sinks = [];
  await faults.stop();
  await service.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

function parts(worker: string, clock: DynamodbSinkParts["clock"] = new ManualClock()): DynamodbSinkParts {
  return { clock, log: new MemoryLog(), reader, worker, random: seededRandom(SEED) };
}

/** Of a worker with a name of its own, unless one is given. Its pauses take no time. */
async function open(worker = `worker-${sinks.length}`): Promise<Sink> {
  const settings = dynamodbSettings.parse({ kind: "dynamodb", ...TABLES, endpoint: faults.endpoint });
  const sink = await openDynamodbSink(settings, parts(worker, { wallUs: () => NEW_YEAR_US, sleep: async () => {} }));
  sinks.push(sink);
  return sink;
}

/** Commits as a worker does: until it is done. Says how often it had to. */
async function commitAll(sink: Sink, batch: readonly Delivery[]): Promise<CommitOutcome & { readonly tries: number }> {
  for (let tries = 1; ; tries++) {
    try {
      return { ...(await sink.commit(batch)), tries };
    } catch (thrown) {
      if (!(thrown instanceof AgentError) || tries === 50) throw thrown;
    }
  }
}

function sampled(thing: string, seq: number, values: readonly number[]): Delivery {
  const rows = values.map((value, at) => {
    const timeUs = NEW_YEAR_US + seq * 1_000_000 + at;
    return { name: "Engine.Speed", bus: "can0", value, unit: "rpm", timeUs, vssPaths: [] };
  });
  return deliveryOf(
    recordOf({ thing, seq, body: { kind: "rows", rows, buses: [] } }),
    undefined,
    NEW_YEAR_US + 3_600_000_000,
  );
}

/** The samples of a thing, by one query of the index, with the AWS SDK alone: id and values. */
async function queried(thing: string): Promise<Map<string, readonly number[]>> {
  const client = localClient(service.endpoint);
  const records = new Map<string, readonly number[]>();
  const query = {
    TableName: TABLES.recordsTable,
    IndexName: "by-time",
    KeyConditionExpression: "series = :series AND time_us BETWEEN :from AND :to",
    ExpressionAttributeValues: {
      ":series": { S: `${thing}#samples` },
      ":from": { N: "0" },
      ":to": { N: String(2 * NEW_YEAR_US) },
    },
  };
  for await (const { Items: items = [] } of paginateQuery({ client }, query)) {
    for (const item of items) {
      const id = item.id?.S ?? "";
      if (records.has(id)) throw new Error(`${id} is there twice`);
      records.set(id, await valuesOf(item));
    }
  }
  client.destroy();
  return records;

  async function valuesOf(item: Record<string, AttributeValue>): Promise<readonly number[]> {
    const pieces = [item.content?.B ?? new Uint8Array()];
    const parts = {
      TableName: TABLES.recordsTable,
      KeyConditionExpression: "thing = :thing AND begins_with(id, :id)",
      ExpressionAttributeValues: { ":thing": { S: thing }, ":id": { S: `${item.id?.S}#${item.parts_digest?.S}#` } },
    };
    if (item.parts !== undefined) {
      for await (const { Items: more = [] } of paginateQuery({ client }, parts)) {
        pieces.push(...more.map((part) => part.content?.B ?? new Uint8Array()));
      }
      expect(pieces).toHaveLength(1 + Number(item.parts.N));
    }
    return content
      .parse(JSON.parse(gunzipSync(Buffer.concat(pieces)).toString()))
      .columns.flatMap(({ values }) => values);
  }
}

/** Items of last known values of a thing: key, newest speed. */
async function lastItems(thing: string): Promise<readonly (readonly [fact: string, speed: number])[]> {
  const client = localClient(service.endpoint);
  const query = {
    TableName: TABLES.stateTable,
    KeyConditionExpression: "thing = :thing AND begins_with(fact, :last)",
    ExpressionAttributeValues: { ":thing": { S: thing }, ":last": { S: "last#" } },
  };
  const items: Record<string, AttributeValue>[] = [];
  for await (const { Items: more = [] } of paginateQuery({ client }, query)) items.push(...more);
  client.destroy();
  return items.map(({ fact, signals }) => [fact?.S ?? "", Number(signals?.M?.["Engine.Speed"]?.M?.v?.N)]);
}

describe("DynamoDB that throttles, fails, cuts connections and loses answers", () => {
  it(`gets each record once and whole, with three workers at a time (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const workers = [await open(), await open(), await open()];
    const all = Array.from({ length: 60 }, (_, at) =>
      sampled(`truck-${1 + (at % 2)}`, 1 + Math.floor(at / 2), [at, at + 0.5]),
    );
    faults.share = 0.2;
    const tries = await Promise.all(
      workers.map(async (worker) => {
        // Each record comes to two of them.
        const mine = all.filter((_, at) => at % 3 !== workers.indexOf(worker)).toSorted(() => random() - 0.5);
        let needed = 0;
        for (let at = 0; at < mine.length; at += 12) needed += (await commitAll(worker, mine.slice(at, at + 12))).tries;
        return needed;
      }),
    );
    faults.share = 0;
    console.log(`seed ${SEED}: ${JSON.stringify(faults.counts)}, commits ${tries.join(" ")}`);
    for (const count of Object.values(faults.counts)) expect(count).toBeGreaterThan(0);
    for (const thing of ["truck-1", "truck-2"]) {
      const expected = all.filter(({ record }) => record.thing === thing);
      const found = await queried(thing);
      expect([...found.values()].toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0))).toEqual(
        expected.map((_, at) => [at * 2 + Number(thing.at(-1)) - 1, at * 2 + Number(thing.at(-1)) - 0.5]),
      );
      const items = await lastItems(thing);
      expect(items.map(([fact]) => fact)).toEqual([0, 1, 2].map((at) => `last#can0#worker-${at}`));
      // Here a later value is a higher one.
      expect(Math.max(...items.map(([, speed]) => speed))).toBe(58.5 + Number(thing.at(-1)) - 1);
    }
    const gaps = [];
    for await (const gap of workers[0]?.gaps(2 * NEW_YEAR_US, 0) ?? []) gaps.push(gap);
    expect(gaps).toEqual([]);
  });

  it("counts a put whose answer was lost as written, not as a repeat", async () => {
    const sink = await open();
    let lost = 0;
    faults.wanted = (operation, body) => {
      if (operation !== "PutItem" || !body.includes(TABLES.recordsTable) || lost > 0) return undefined;
      lost += 1;
      return "lost";
    };
    expect(await sink.commit([sampled("truck-1", 1, [1])])).toEqual({ written: 1, repeats: 0, refused: [] });
    expect(lost).toBe(1);
    expect((await queried("truck-1")).size).toBe(1);
  });

  it("shows nothing of a record of several items until the last of them is there", async () => {
    const sink = await open();
    const random = seededRandom(SEED);
    const large = sampled("truck-1", 1, Array.from({ length: 90_000 }, random));
    faults.wanted = (operation, body) =>
      operation === "PutItem" && body.includes("truck-1#samples") ? "cut" : undefined;
    await expect(sink.commit([large])).rejects.toMatchObject({ code: "store.unavailable" });
    expect((await queried("truck-1")).size).toBe(0);
    faults.wanted = undefined;
    expect(await sink.commit([large])).toMatchObject({ written: 1, repeats: 0 });
    expect([...(await queried("truck-1")).values()][0]).toHaveLength(90_000);
  });

  it("has no gap left by a worker that died between a record and what goes with it", async () => {
    const dying = await open();
    faults.wanted = (operation) => (operation === "UpdateItem" ? "cut" : undefined);
    await expect(dying.commit([sampled("truck-1", 1, [1])])).rejects.toMatchObject({ code: "store.unavailable" });
    faults.wanted = undefined;
    const next = await open();
    expect(await next.commit([sampled("truck-1", 2, [2])])).toMatchObject({ written: 1 });
    const gaps = async (): Promise<number> => {
      let count = 0;
      for await (const _ of next.gaps(2 * NEW_YEAR_US, 0)) count += 1;
      return count;
    };
    expect(await gaps()).toBe(1);
    expect(await next.commit([sampled("truck-1", 1, [1])])).toMatchObject({ written: 0, repeats: 1 });
    expect(await gaps()).toBe(0);
    expect(await lastItems("truck-1")).toEqual([["last#can0#worker-1", 2]]);
  });

  it("goes on from the last known values that its slot had, and hides none of a worker that has taken the slot over", async () => {
    const first = await open("causeway-0");
    await first.commit([sampled("truck-1", 3, [30])]);
    const next = await open("causeway-0");
    await next.commit([sampled("truck-1", 1, [10])]);
    expect(await lastItems("truck-1")).toEqual([["last#can0#causeway-0", 30]]);
    await next.commit([sampled("truck-1", 5, [50])]);
    await first.commit([sampled("truck-1", 4, [40])]);
    expect(await lastItems("truck-1")).toEqual([["last#can0#causeway-0", 50]]);
    await first.commit([sampled("truck-1", 6, [60])]);
    expect(await lastItems("truck-1")).toEqual([["last#can0#causeway-0", 60]]);
  });

  it("writes last known values of other workers' vehicles without a refused write", async () => {
    const workers = [await open(), await open(), await open()];
    let writes = 0;
    faults.wanted = (operation, body) => {
      if (operation === "PutItem" && body.includes('"last#')) writes += 1;
      return undefined;
    };
    for (let round = 0; round < 5; round++)
      await Promise.all(workers.map((worker, at) => worker.commit([sampled("truck-1", 1 + round * 3 + at, [1])])));
    expect(writes).toBe(15);
  });

  it("takes records that stand for very many others, whose account is written in portions", async () => {
    const sink = await open();
    const standing = (seq: number): Delivery => {
      const seqs = Array.from({ length: 600 }, (_, at) => 1_000_000_000_000 + 2 * at);
      return deliveryOf(recordOf({ seq, thinned: { ratio: 10, seqs } }));
    };
    const batch = Array.from({ length: 40 }, (_, at) => standing(2001 + at));
    expect(await sink.commit(batch)).toMatchObject({ written: 40, repeats: 0 });
    const gaps = [];
    for await (const { first, last } of sink.gaps(2 * NEW_YEAR_US, 0)) gaps.push([first, last]);
    expect(gaps).toEqual([[1, 2000]]);
  });

  it("gets a record in the form of another cloud once, as an event at its arrival, beside whatever clock", async () => {
    const sink = await open();
    const payload = Buffer.alloc(40_000, 7);
    // A record that names no boot either, whose clock is set.
    const nameless = deliveryOf(
      recordOf({ seq: 2, bootId: "", anchor: { monotonicUs: 9, wallUs: 10, quality: "gps" } }),
    );
    const foreign = foreignDelivery(1, payload);
    expect(await sink.commit([nameless, foreign, foreignDelivery(3, Uint8Array.of(1))])).toMatchObject({ written: 3 });
    expect(await sink.commit([foreign])).toEqual({ written: 0, repeats: 1, refused: [] });
    const client = localClient(service.endpoint);
    const { Items: items = [] } = await client.send(new ScanCommand({ TableName: TABLES.recordsTable }));
    const { Items: clocks = [] } = await client.send(
      new ScanCommand({
        TableName: TABLES.stateTable,
        FilterExpression: "begins_with(fact, :clock)",
        ExpressionAttributeValues: { ":clock": { S: "clock#" } },
      }),
    );
    client.destroy();
    expect(clocks).toEqual([]);
    const found = items.toSorted((a, b) => (a.id?.S ?? "").localeCompare(b.id?.S ?? ""));
    expect(found.map(({ kind, time_us: time, shift_us: shift }) => [kind?.S, time?.N, shift?.N])).toEqual([
      ["foreign", String(NEW_YEAR_US), "0"],
      ["notice", String(NEW_YEAR_US), "0"],
      ["foreign", String(NEW_YEAR_US), "0"],
    ]);
    const topic = "cms/fleetwise/vehicles/truck-1/signals";
    expect(JSON.parse(gunzipSync(found[0]?.content?.B ?? new Uint8Array()).toString())).toEqual({
      topic,
      payload: payload.toString("base64"),
    });
    expect(JSON.parse(found[2]?.body?.S ?? "")).toEqual({ topic, payload: "AQ==" });
    const gaps = [];
    for await (const gap of sink.gaps(2 * NEW_YEAR_US, 0)) gaps.push(gap);
    expect(gaps).toEqual([]);
  });

  it("refuses a table with other keys, and one that is not there", async () => {
    const settings = dynamodbSettings.parse({ kind: "dynamodb", ...TABLES, endpoint: faults.endpoint });
    const swapped = { ...settings, recordsTable: TABLES.stateTable };
    await expect(openDynamodbSink(swapped, parts("w"))).rejects.toMatchObject({ code: "config.invalid" });
    const absent = { ...settings, stateTable: "causeway-none-state" };
    await expect(openDynamodbSink(absent, parts("w"))).rejects.toMatchObject({ code: "store.unavailable" });
  });
});
