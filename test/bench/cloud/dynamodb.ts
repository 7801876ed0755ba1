import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { z } from "zod";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { DeployedTemplate } from "./rules/template-rules.ts";

/** A running DynamoDB of this machine: dynalite in a process of its own, which holds all in memory. */
export type LocalDynamoDb = {
  /** For `dynamodb.endpoint` of the consumer. */
  readonly endpoint: string;
  readonly pid: number;
  stop(): Promise<void>;
};

/** What a client must have; dynalite looks whether a request is signed, not by whom. */
export const LOCAL_AWS = {
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench",
} as const;

const LOOPBACK = "127.0.0.1";

/** Starts it on a free port. stdout and stderr go to `logFile`. */
export async function startDynamoDb(logFile: string): Promise<LocalDynamoDb> {
  const program = join(dirname(fileURLToPath(import.meta.resolve("dynalite"))), "cli.js");
  const port = await freePorts(1);
  const args = [program, "--host", LOOPBACK, "--port", String(port), "--createTableMs", "0"];
  const child = await startChild({ command: process.execPath, args, logFile });
  const endpoint = `http://${LOOPBACK}:${port}`;
  await until(() => answers(child, endpoint), { what: "dynalite answers", timeoutMs: START_TIMEOUT_MS });
  return { endpoint, pid: child.pid, stop: async () => void (await child.stop()) };
}

/** A client of it, for a test that looks at it past the consumer. */
export function localClient(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: LOCAL_AWS.AWS_ACCESS_KEY_ID, secretAccessKey: LOCAL_AWS.AWS_SECRET_ACCESS_KEY };
  return new DynamoDBClient({ endpoint, region: LOCAL_AWS.AWS_REGION, credentials });
}

const keys = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(["HASH", "RANGE"]) }));

/** What of a table's properties a local service knows. */
const tableProperties = z.object({
  TableName: z.string(),
  BillingMode: z.literal("PAY_PER_REQUEST"),
  AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(["S", "N", "B"]) })),
  KeySchema: keys,
  GlobalSecondaryIndexes: z
    .array(
      z.object({ IndexName: z.string(), KeySchema: keys, Projection: z.object({ ProjectionType: z.literal("ALL") }) }),
    )
    .optional(),
});

/** Names of the consumer's tables in `environment`. */
export function consumerTables(environment: string): { readonly recordsTable: string; readonly stateTable: string } {
  return { recordsTable: `causeway-${environment}-records`, stateTable: `causeway-${environment}-state` };
}

/** Makes the tables of config/aws/records.yaml, as a stack of `environment` would have them. */
export async function createTables(endpoint: string, environment: string): Promise<void> {
  const template = new DeployedTemplate("config/aws/records.yaml", { Environment: environment });
  const client = localClient(endpoint);
  for (const properties of template.resources("AWS::DynamoDB::Table")) {
    const table: CreateTableCommandInput = tableProperties.parse(properties);
    await client.send(new CreateTableCommand(table));
    await until(() => isActive(client, table), { what: `table ${table.TableName}`, timeoutMs: START_TIMEOUT_MS });
  }
  client.destroy();
}

async function answers(child: Child, endpoint: string): Promise<true | undefined> {
  if (child.hasEnded()) throw new Error("dynalite has ended");
  return (await fetch(endpoint).catch(() => undefined)) === undefined ? undefined : true;
}

async function isActive(client: DynamoDBClient, { TableName }: CreateTableCommandInput): Promise<true | undefined> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName }));
  return table?.TableStatus === "ACTIVE" ? true : undefined;
}
