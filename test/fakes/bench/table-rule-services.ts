import { type AttributeValue, type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { isList, membersOf, type SqlValue } from "../../bench/cloud/rules/sql-value.ts";
import { MemoryRuleServices } from "./rule-services.ts";

/** Items go into the tables of a local DynamoDB too; all else is kept in memory. */
export class TableRuleServices extends MemoryRuleServices {
  readonly #client: DynamoDBClient;

  constructor(client: DynamoDBClient) {
    super();
    this.#client = client;
  }

  override async putItem(table: string, item: Readonly<Record<string, SqlValue>>): Promise<void> {
    await super.putItem(table, item);
    await this.#client.send(new PutItemCommand({ TableName: table, Item: attributesOf(item) }));
  }
}

/** A value of AWS IoT SQL as DynamoDB has it. */
function attributeOf(value: SqlValue): AttributeValue {
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "string") return { S: value };
  if (typeof value === "boolean") return { BOOL: value };
  if (isList(value)) return { L: value.map(attributeOf) };
  const members = membersOf(value);
  return members === undefined ? { NULL: true } : { M: attributesOf(members) };
}

function attributesOf(members: Readonly<Record<string, SqlValue>>): Record<string, AttributeValue> {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, attributeOf(value)]));
}
