import { gunzipSync } from "node:zlib";
import { type AttributeValue, paginateScan } from "@aws-sdk/client-dynamodb";
import { z } from "zod";
import { openDynamodbSink } from "../../agent/consumer/dynamodb/dynamo-sink.ts";
import { dynamodbSettings } from "../../agent/consumer/dynamodb/settings.ts";
import { consumerTables, createTables, LOCAL_AWS, type LocalDynamoDb, localClient } from "../bench/cloud/dynamodb.ts";
import { startDynamoDbFaults } from "../bench/cloud/dynamodb-faults.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { NEW_YEAR_US, reader, type SinkSubject, type StoredRecord } from "./record-sink-subject.ts";

const content = z.object({
  axes: z.array(z.array(z.number())),
  columns: z.array(
    z.object({ axis: z.number(), message: z.string(), signal: z.string(), values: z.array(z.number()) }),
  ),
});

let environments = 0;

/** An empty store in the local DynamoDB, with a proxy in front that fails on request. */
export async function openDynamoSubject({ endpoint }: LocalDynamoDb): Promise<SinkSubject> {
  environments += 1;
  const environment = `test${environments}`;
  await createTables(endpoint, environment);
  const proxy = await startDynamoDbFaults(endpoint, 15, 0);
  let workers = 0;
  return {
    open: () => {
      workers += 1;
      const tables = { ...consumerTables(environment), endpoint: proxy.endpoint, region: LOCAL_AWS.AWS_REGION };
      const settings = dynamodbSettings.parse({ kind: "dynamodb", ...tables });
      const worker = `worker-${workers}`;
      const clock = { wallUs: () => NEW_YEAR_US, sleep: async () => {} };
      const parts = { clock, log: new MemoryLog(), reader, worker, random: Math.random };
      return openDynamodbSink(settings, parts);
    },
    stored: () => storedIn(endpoint, consumerTables(environment).recordsTable),
    disturb: (isBroken) => {
      let seen = 0;
      proxy.wanted = !isBroken
        ? undefined
        : (operation) => {
            seen += 1;
            return operation === "PutItem" && seen > 12 ? "failed" : undefined;
          };
    },
    end: () => proxy.stop(),
  };
}

/** All records, read by the AWS SDK alone. */
async function storedIn(endpoint: string, table: string): Promise<StoredRecord[]> {
  const client = localClient(endpoint);
  const records: StoredRecord[] = [];
  for await (const { Items: items = [] } of paginateScan({ client }, { TableName: table }))
    records.push(...items.filter(({ kind }) => kind?.S !== "table").map(recordOf));
  client.destroy();
  return records;
}

function recordOf(item: Record<string, AttributeValue>): StoredRecord {
  const [epoch, stream, seq] = (item.id?.S ?? "").split("#");
  const shiftUs = Number(item.shift_us?.N);
  const rows = item.content?.B === undefined ? [] : rowsOf(item.content.B, shiftUs);
  return {
    thing: item.thing?.S ?? "",
    epoch: Number(epoch),
    stream: stream ?? "",
    seq: Number(seq),
    kind: item.kind?.S ?? "",
    shiftUs,
    quality: item.time_quality?.S ?? "",
    rows: rows.toSorted(),
  };
}

function rowsOf(bytes: Uint8Array, shiftUs: number): string[] {
  const { axes, columns } = content.parse(JSON.parse(gunzipSync(bytes).toString()));
  return columns.flatMap(({ axis, message, signal, values }) => {
    let timeUs = shiftUs;
    return (axes[axis] ?? []).map((delta, at) => {
      timeUs += delta;
      return `${message}.${signal} ${timeUs} ${values[at]}`;
    });
  });
}
