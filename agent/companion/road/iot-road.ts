import { type IoTDataPlaneClient, PublishCommand } from "@aws-sdk/client-iot-data-plane";
import type { Log } from "../../core/log.ts";
import { type CommandRoad, type RoadOutcome, type RoadRequest, topicsOf } from "./command-road.ts";

/**
 * The way over AWS IoT Core's data endpoint. Its client tries again by itself; the same request twice is one command to a vehicle, which
 * knows it by its id. Answers are put into a table by a rule.
 */
export class IotRoad implements CommandRoad {
  readonly #client: Pick<IoTDataPlaneClient, "send">;
  readonly #log: Log;

  constructor(client: Pick<IoTDataPlaneClient, "send">, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  async send({ thing, id, payload, expirySeconds }: RoadRequest): Promise<RoadOutcome> {
    const { request, response } = topicsOf(thing, id);
    try {
      await this.#client.send(
        new PublishCommand({
          topic: request,
          qos: 1,
          payload: new TextEncoder().encode(payload),
          contentType: "application/json",
          payloadFormatIndicator: "UTF8_DATA",
          responseTopic: response,
          correlationData: Buffer.from(id).toString("base64"),
          messageExpiry: expirySeconds,
        }),
      );
      return "sent";
    } catch (thrown) {
      const status = statusOf(thrown);
      this.#log.warn("companion.publish-failed", { name: thrown instanceof Error ? thrown.name : "unknown", status });
      return status !== undefined && status >= 400 && status < 500 ? "not-sent" : "unknown";
    }
  }
}

/** HTTP status that the service answered with; undefined where no answer came. */
function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("$metadata" in thrown)) return undefined;
  const { $metadata } = thrown;
  if (typeof $metadata !== "object" || $metadata === null || !("httpStatusCode" in $metadata)) return undefined;
  return typeof $metadata.httpStatusCode === "number" ? $metadata.httpStatusCode : undefined;
}
