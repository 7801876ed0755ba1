import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  paginateScan,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { AgentError, messageOf } from "../../core/errors.ts";

import type { DynamodbSettings } from "./settings.ts";

/** One item, or what of it is written. */
export type Item = Record<string, AttributeValue>;

/** What must hold of the item there is (or is not) for a write. Names and values are for the expressions of the request. */
export type Condition = { readonly expression: string; readonly values?: Item };

/** Tries of one request, the first included: what is throttled or fails at the service is tried again by the SDK with full jitter, 25 ms doubled each time up to 20 s. */
const MAX_ATTEMPTS = 8;
const CONNECTION_TIMEOUT_MS = 5000;
/** Of one try. An answer that comes later is lost: each write here may be done twice. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Opens connections as they are needed; `destroy` ends them. Credentials come by the default chain of the AWS SDK: environment, container,
 * profile.
 */
export function createDynamoClient({
  region,
  endpoint,
}: Pick<DynamodbSettings, "region" | "endpoint">): DynamoDBClient {
  return new DynamoDBClient({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: MAX_ATTEMPTS,
    retryMode: "standard",
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
}

/** One table. Reads are consistent. Everything throws `store.unavailable` when the service does not do it. */
export class DynamoTable {
  readonly #client: DynamoDBClient;
  readonly #name: string;

  constructor(client: DynamoDBClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** Throws `config.invalid` unless the table has these keys, and the index where one is named. */
  async check(keys: readonly [hash: string, range: string], index?: string): Promise<void> {
    const { Table: table } = await this.#asked("look at", this.#client.send(this.#describe()));
    const found = (table?.KeySchema ?? []).map(({ AttributeName: name }) => name);
    const hasIndex =
      index === undefined || table?.GlobalSecondaryIndexes?.some(({ IndexName: name }) => name === index);
    if (found.join() === keys.join() && hasIndex === true) return;
    const wanted = index === undefined ? "" : ` and the index ${index}`;
    throw new AgentError("config.invalid", {
      what: `table ${this.#name}: its keys are ${found.join(", ")}, not ${keys.join(", ")}${wanted}`,
      remedy: "Make the table by config/aws/records.yaml, or name the right one.",
    });
  }

  /** False where `condition` does not hold: then nothing is written. */
  async put(item: Item, condition?: Condition): Promise<boolean> {
    const command = new PutItemCommand({
      TableName: this.#name,
      Item: item,
      ConditionExpression: condition?.expression,
      ExpressionAttributeValues: condition?.values,
    });
    return (await this.#ifHolds(this.#client.send(command))) !== undefined;
  }

  /** The item as it is then; undefined where `condition` does not hold, and nothing is changed. */
  async update(key: Item, change: Condition, condition?: string): Promise<Item | undefined> {
    const command = new UpdateItemCommand({
      TableName: this.#name,
      Key: key,
      UpdateExpression: change.expression,
      ExpressionAttributeValues: change.values,
      ConditionExpression: condition,
      ReturnValues: "ALL_NEW",
    });
    return (await this.#ifHolds(this.#client.send(command)))?.Attributes;
  }

  async get(key: Item): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#name, Key: key, ConsistentRead: true });
    return (await this.#asked("read", this.#client.send(command))).Item;
  }

  /** Items of one hash key, in the order of their range keys, as many pages as there are. */
  async *query(condition: Condition): AsyncGenerator<Item> {
    const pages = paginateQuery(
      { client: this.#client },
      {
        TableName: this.#name,
        KeyConditionExpression: condition.expression,
        ExpressionAttributeValues: condition.values,
        ConsistentRead: true,
      },
    );
    yield* this.#itemsOf(pages);
  }

  /** All items for which `filter` holds, in no order. Reads the whole table. */
  async *scan(filter: Condition): AsyncGenerator<Item> {
    const pages = paginateScan(
      { client: this.#client },
      {
        TableName: this.#name,
        FilterExpression: filter.expression,
        ExpressionAttributeValues: filter.values,
        ConsistentRead: true,
      },
    );
    yield* this.#itemsOf(pages);
  }

  #describe(): DescribeTableCommand {
    return new DescribeTableCommand({ TableName: this.#name });
  }

  async *#itemsOf(pages: AsyncIterable<{ readonly Items?: Item[] | undefined }>): AsyncGenerator<Item> {
    try {
      for await (const { Items: items = [] } of pages) yield* items;
    } catch (thrown) {
      throw this.#fault("read", thrown);
    }
  }

  async #ifHolds<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (thrown) {
      if (thrown instanceof ConditionalCheckFailedException) return undefined;
      throw this.#fault("write", thrown);
    }
  }

  async #asked<T>(what: string, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      throw this.#fault(what, thrown);
    }
  }

  #fault(act: string, cause: unknown): AgentError {
    if (cause instanceof AgentError) return cause;
    const name = cause instanceof Error ? cause.name : "Error";
    return new AgentError("store.unavailable", {
      what: `cannot ${act} table ${this.#name}: ${name}: ${messageOf(cause)}`,
      remedy:
        "Check that the table is there, that the role of the worker may use it, and that the service is reachable.",
      facts: { table: this.#name, error: name },
      cause,
    });
  }
}
