import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { RowKey, RowLife, RowStore } from "./row-store.ts";

/**
 * Rows in a table of DynamoDB: hash key `pk`, range key `sk`, text in `body`, number of a counter in `count`, end of life in `expires` (s,
 * the table's TTL attribute). DynamoDB deletes late, so that each read looks at the end of life too.
 */
export class DynamoDbRows implements RowStore {
  readonly #client: Pick<DynamoDBClient, "send">;
  readonly #table: string;

  constructor(client: Pick<DynamoDBClient, "send">, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async get(key: RowKey, nowMs: number): Promise<string | undefined> {
    const request = { TableName: this.#table, Key: itemKey(key), ConsistentRead: true };
    const { Item } = await this.#client.send(new GetItemCommand(request));
    return textOf(Item, nowMs);
  }

  async list(group: string, nowMs: number, limit: number) {
    const { Items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: group } },
        ConsistentRead: true,
        Limit: limit,
      }),
    );
    return Items.flatMap((item) => {
      const text = textOf(item, nowMs);
      return text === undefined ? [] : [{ name: item.sk?.S ?? "", text }];
    });
  }

  async putNew(key: RowKey, text: string, life: RowLife): Promise<boolean> {
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: { ...itemKey(key), body: { S: text }, ...expiry(life) },
      ConditionExpression: "attribute_not_exists(pk) OR expires <= :now",
      ExpressionAttributeValues: { ":now": seconds(life.nowMs) },
    });
    return await held(this.#client.send(command));
  }

  async replace(key: RowKey, before: string, text: string): Promise<boolean> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: itemKey(key),
      UpdateExpression: "SET body = :text",
      ConditionExpression: "body = :before",
      ExpressionAttributeValues: { ":text": { S: text }, ":before": { S: before } },
    });
    return await held(this.#client.send(command));
  }

  async take(key: RowKey, nowMs: number): Promise<string | undefined> {
    const request = { TableName: this.#table, Key: itemKey(key), ReturnValues: "ALL_OLD" } as const;
    const { Attributes } = await this.#client.send(new DeleteItemCommand(request));
    return textOf(Attributes, nowMs);
  }

  async next(key: RowKey, first: number, life: RowLife): Promise<number> {
    const { expires } = expiry(life);
    const { Attributes } = await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: itemKey(key),
        // One step of the service: two backends that count at the same time get two numbers.
        UpdateExpression: `SET #count = if_not_exists(#count, :before) + :one${expires === undefined ? "" : ", expires = if_not_exists(expires, :expires)"}`,
        ExpressionAttributeNames: { "#count": "count" },
        ExpressionAttributeValues: {
          ":before": { N: String(first - 1) },
          ":one": { N: "1" },
          ...(expires === undefined ? {} : { ":expires": expires }),
        },
        ReturnValues: "UPDATED_NEW",
      }),
    );
    const count = Number(Attributes?.count?.N);
    if (!Number.isSafeInteger(count))
      throw new Error(`counter ${key.group} in table ${this.#table} is no whole number`);
    return count;
  }
}

type Item = Record<string, AttributeValue>;

function itemKey({ group, name }: RowKey): Item {
  return { pk: { S: group }, sk: { S: name } };
}

function expiry({ expiresAtMs }: RowLife): { readonly expires?: AttributeValue } {
  return expiresAtMs === undefined ? {} : { expires: { N: String(Math.ceil(expiresAtMs / 1000)) } };
}

function seconds(ms: number): AttributeValue {
  return { N: String(Math.floor(ms / 1000)) };
}

function textOf(item: Item | undefined, nowMs: number): string | undefined {
  const expires = item?.expires?.N;
  return expires !== undefined && Number(expires) * 1000 <= nowMs ? undefined : item?.body?.S;
}

/** Whether the condition of a write held. */
async function held(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (thrown) {
    if (thrown instanceof ConditionalCheckFailedException) return false;
    throw thrown;
  }
}
