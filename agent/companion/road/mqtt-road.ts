import { decodeBody } from "../../cloud/wire-format.ts";
import type { Log } from "../../core/log.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../ports/broker.ts";
import { vehicleAnswer } from "../store/answers.ts";
import type { MemoryAnswers } from "../store/memory-answers.ts";
import { type CommandRoad, type RoadOutcome, type RoadRequest, topicsOf } from "./command-road.ts";

const ANSWERS = "cmd/causeway/+/+/response";

export type MqttRoadParts = {
  readonly broker: Pick<Broker, "publish" | "subscribe">;
  readonly answers: MemoryAnswers;
  readonly log: Log;
};

/** The way over an MQTT 5 session of our own. An answer counts when its correlation data is the one of the request that its topic names. */
export class MqttRoad implements CommandRoad {
  readonly #parts: MqttRoadParts;

  constructor(parts: MqttRoadParts) {
    this.#parts = parts;
  }

  /** Begins to hear answers. Throws `broker.refused`. */
  async open(): Promise<void> {
    await this.#parts.broker.subscribe(ANSWERS, (message) => this.#hear(message));
  }

  async send({ thing, id, payload, expirySeconds }: RoadRequest): Promise<RoadOutcome> {
    const { request, response } = topicsOf(thing, id);
    const bytes = new TextEncoder().encode(payload);
    const outcome = await this.#parts.broker.publish(
      publicationTo(request, bytes, "application/json", {
        responseTopic: response,
        correlationData: new TextEncoder().encode(id),
        messageExpirySeconds: expirySeconds,
      }),
    );
    if (outcome.kind === "acked") return "sent";
    // Without a PUBACK it may have arrived all the same.
    return outcome.kind === "offline" ? "unknown" : "not-sent";
  }

  #hear({ topic, payload, correlationData }: ReceivedPublish): void {
    const [, , thing = "", id = ""] = topic.split("/");
    const answer = vehicleAnswer.safeParse(decodeBody("json", payload));
    const isOfRequest = correlationData !== undefined && new TextDecoder().decode(correlationData) === id;
    if (answer.success && isOfRequest) this.#parts.answers.put(thing, id, answer.data);
    else this.#parts.log.warn("companion.answer-discarded", { bytes: payload.length, correlated: isOfRequest });
  }
}
