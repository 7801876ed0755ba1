import { gunzipSync } from "node:zlib";
import { type AttributeValue, paginateScan } from "@aws-sdk/client-dynamodb";
import { DuckDBInstance } from "@duckdb/node-api";
import { z } from "zod";
import { localClient } from "../cloud/dynamodb.ts";
import type { FoundRecord } from "./sink-account.ts";

const found = z.object({
  thing: z.string(),
  epoch: z.coerce.number(),
  stream: z.string(),
  seq: z.coerce.number(),
  samples: z.coerce.number(),
});

const READERS = { ndjson: "read_json_auto", parquet: "read_parquet", csv: "read_csv_auto" } as const;
/** Format of sample files. */
export type FileFormat = keyof typeof READERS;

/** The records whose samples are in the files that `pattern` (a glob) names, as DuckDB reads them. */
export async function readFiles(format: FileFormat, pattern: string): Promise<FoundRecord[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const rows = `${READERS[format]}('${pattern.replaceAll("'", "''")}', union_by_name = true)`;
    const sql = `SELECT thing, epoch, stream, seq, count(*) AS samples FROM ${rows} GROUP BY ALL`;
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjects().map((row) => found.parse(row));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const content = z.object({ columns: z.array(z.object({ values: z.array(z.unknown()) })) });

/** The records with samples of the table, counted in their content, as the AWS SDK reads them. */
export async function readDynamoDb(endpoint: string, table: string): Promise<FoundRecord[]> {
  const client = localClient(endpoint);
  const records: FoundRecord[] = [];
  for await (const { Items: items = [] } of paginateScan({ client }, { TableName: table })) {
    for (const item of items) if (item.samples !== undefined) records.push(recordOf(item));
  }
  client.destroy();
  return records;
}

function recordOf(item: Record<string, AttributeValue>): FoundRecord {
  const [epoch, stream, seq] = (item.id?.S ?? "").split("#");
  const { columns } = content.parse(JSON.parse(gunzipSync(item.content?.B ?? "").toString()));
  const samples = columns.reduce((sum, { values }) => sum + values.length, 0);
  return found.parse({ thing: item.thing?.S, epoch, stream, seq, samples });
}
