import { type AttributeValue, type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import {
  GetRetainedMessageCommand,
  type IoTDataPlaneClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-iot-data-plane";
import { LastKnown } from "./last-known.ts";
import { readPresence } from "./presence.ts";
import { type KnownValue, type Presence, SHOWN_SIGNALS, type VehicleFacts } from "./vehicle-facts.ts";

export type IotFactsParts = {
  readonly iot: Pick<IoTDataPlaneClient, "send">;
  readonly dynamodb: Pick<DynamoDBClient, "send">;
  /** Where the consumer keeps last known values (agent/consumer/dynamodb); undefined where it keeps none. */
  readonly stateTable: string | undefined;
};

/** What AWS knows of a vehicle: its retained presence, and the last known values of the consumer's store. */
export class IotFacts implements VehicleFacts {
  readonly #parts: IotFactsParts;

  constructor(parts: IotFactsParts) {
    this.#parts = parts;
  }

  async presence(thing: string): Promise<Presence | undefined> {
    try {
      const request = new GetRetainedMessageCommand({ topic: `dt/causeway/${thing}/presence` });
      const { payload } = await this.#parts.iot.send(request);
      return payload === undefined ? undefined : readPresence(payload);
    } catch (thrown) {
      if (thrown instanceof ResourceNotFoundException) return undefined;
      throw thrown;
    }
  }

  async latest(thing: string): Promise<readonly KnownValue[]> {
    const { dynamodb, stateTable } = this.#parts;
    if (stateTable === undefined) return [];
    const found = new LastKnown();
    let from: Record<string, AttributeValue> | undefined;
    do {
      const page = await dynamodb.send(lastOf(stateTable, thing, from));
      for (const item of page.Items ?? []) found.add(item);
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return found.values();
  }
}

/** A page of the last known values of a thing: of the signals of the page alone, as an item of each worker has hundreds. */
function lastOf(table: string, thing: string, from: Record<string, AttributeValue> | undefined): QueryCommand {
  const names = SHOWN_SIGNALS.map((signal, at) => [`#s${at}`, signal] as const);
  return new QueryCommand({
    TableName: table,
    KeyConditionExpression: "thing = :thing AND begins_with(fact, :last)",
    ExpressionAttributeValues: { ":thing": { S: thing }, ":last": { S: "last#" } },
    ProjectionExpression: names.map(([name]) => `signals.${name}`).join(", "),
    ExpressionAttributeNames: Object.fromEntries(names),
    ExclusiveStartKey: from,
  });
}
