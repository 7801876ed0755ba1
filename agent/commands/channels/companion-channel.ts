import { CONTENT_TYPES, encodeBody } from "../../cloud/wire-format.ts";
import type { Log } from "../../core/log.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../ports/broker.ts";
import type { Answer } from "../answer.ts";
import type { CommandChannel } from "../command-service.ts";
import type { ReplyChannel } from "../report.ts";
import type { IncomingCommand, ReplyAddress } from "../request.ts";

export type CompanionChannelParts = {
  /** "cmd/causeway/<thing>/+/request": the level of the plus sign is what the requester calls its request. */
  readonly filter: string;
  /** A response topic that does not begin so is not answered: a requester must not choose where else the vehicle speaks. */
  readonly responsePrefix: string;
  readonly broker: Pick<Broker, "subscribe" | "publish">;
  readonly log: Log;
};

/** Longest name of a request. */
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_TOPIC_BYTES = 256;

/**
 * Requests of companion apps over MQTT 5 request/response: answered on the response topic with the correlation data as it came (MQTT
 * 5.0, 4.10). JSON, or CBOR where the content type says so; the answer is in the same format.
 */
export class CompanionChannel implements ReplyChannel, CommandChannel {
  readonly name = "companion";
  readonly #parts: CompanionChannelParts;

  constructor(parts: CompanionChannelParts) {
    this.#parts = parts;
  }

  async open(take: (incoming: IncomingCommand) => void): Promise<void> {
    await this.#parts.broker.subscribe(this.#parts.filter, (message) => {
      const incoming = this.#commandOf(message);
      if (incoming !== undefined) take(incoming);
    });
  }

  async progress(reply: ReplyAddress): Promise<void> {
    await this.#publish(reply, { status: "IN_PROGRESS" });
  }

  async report(reply: ReplyAddress, { status, reason, result }: Answer): Promise<"reported" | "later"> {
    return await this.#publish(reply, { status, reason, result });
  }

  async #publish(reply: ReplyAddress, body: Readonly<Record<string, unknown>>): Promise<"reported" | "later"> {
    if (reply.channel !== "companion") throw new TypeError(`a reply to ${reply.channel} on the channel of companions`);
    const { topic, correlation, format, request } = reply;
    if (topic === undefined) return "reported";
    const payload = encodeBody(format, { schemaVersion: 1, request, ...body });
    const given = correlation === undefined ? {} : { correlationData: Buffer.from(correlation, "base64") };
    const outcome = await this.#parts.broker.publish(publicationTo(topic, payload, CONTENT_TYPES[format], given));
    if (outcome.kind !== "offline") return "reported";
    return "later";
  }

  #commandOf(message: ReceivedPublish): IncomingCommand | undefined {
    const { topic, payload, contentType, correlationData, messageExpirySeconds } = message;
    const level = this.#parts.filter.split("/").indexOf("+");
    const id = topic.split("/")[level] ?? "";
    if (!REQUEST_ID.test(id)) {
      this.#parts.log.warn("command.unnamed", { bytes: payload.length });
      return undefined;
    }
    const format = contentType === CONTENT_TYPES.cbor ? "cbor" : "json";
    const correlation = correlationData === undefined ? undefined : Buffer.from(correlationData).toString("base64");
    const reply = {
      channel: "companion",
      request: id,
      topic: this.#responseTopic(message),
      correlation,
      format,
    } as const;
    const restOfLifeMs = messageExpirySeconds === undefined ? undefined : messageExpirySeconds * 1000;
    return { id, payload, format, reply, restOfLifeMs };
  }

  #responseTopic({ responseTopic }: ReceivedPublish): string | undefined {
    if (responseTopic === undefined) return undefined;
    const isRight = responseTopic.startsWith(this.#parts.responsePrefix) && !/[#+\0]/.test(responseTopic);
    if (isRight && Buffer.byteLength(responseTopic) <= MAX_TOPIC_BYTES) return responseTopic;
    this.#parts.log.warn("command.response-topic-refused", { prefix: this.#parts.responsePrefix });
    return undefined;
  }
}
