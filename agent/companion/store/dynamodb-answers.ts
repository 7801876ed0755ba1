import { type AttributeValue, type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { type AnswerStore, type VehicleAnswer, vehicleAnswer } from "./answers.ts";

/**
 * Answers as a rule of AWS IoT puts them into a table: hash key `pk` "answer#<thing>/<command>", range key `sk` the status, `reason` a map.
 * The rule takes the thing from the topic, which the policy of a vehicle binds to its name.
 */
export class DynamoDbAnswers implements AnswerStore {
  readonly #client: Pick<DynamoDBClient, "send">;
  readonly #table: string;

  constructor(client: Pick<DynamoDBClient, "send">, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async read(thing: string, command: string): Promise<readonly VehicleAnswer[]> {
    const { Items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: `answer#${thing}/${command}` } },
        ConsistentRead: true,
      }),
    );
    return Items.flatMap((item) => {
      const read = vehicleAnswer.safeParse({ status: item.sk?.S, reason: reasonOf(item.reason) });
      return read.success ? [read.data] : [];
    });
  }
}

function reasonOf(reason: AttributeValue | undefined): unknown {
  const fields = reason?.M;
  return fields === undefined ? undefined : { code: fields.code?.S, description: fields.description?.S ?? "" };
}
