import { type AttributeValue, type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import {
  GetRetainedMessageCommand,
  type IoTDataPlaneClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-iot-data-plane";
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
    const { Items = [] } = await dynamodb.send(
      new QueryCommand({
        TableName: stateTable,
        KeyConditionExpression: "thing = :thing AND begins_with(fact, :last)",
        ExpressionAttributeValues: { ":thing": { S: thing }, ":last": { S: "last#" } },
      }),
    );
    return Items.flatMap(({ signals }) =>
      SHOWN_SIGNALS.flatMap((signal) => valueOf(signal, signals?.M?.[signal]) ?? []),
    );
  }
}

function valueOf(signal: string, entry: AttributeValue | undefined): KnownValue | undefined {
  const { v, t, u } = entry?.M ?? {};
  const timeMs = Number(t?.N) / 1000;
  const value = v?.N === undefined ? v?.S : Number(v.N);
  return value === undefined || !Number.isFinite(timeMs) ? undefined : { signal, value, unit: u?.S ?? "", timeMs };
}
