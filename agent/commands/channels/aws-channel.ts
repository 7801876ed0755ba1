import type { Reply, RequestClient } from "../../cloud/request-client.ts";
import { WIRE_FORMATS } from "../../cloud/wire-format.ts";
import type { Log } from "../../core/log.ts";
import type { Broker } from "../../ports/broker.ts";
import type { Answer } from "../answer.ts";
import type { CommandChannel } from "../command-service.ts";
import type { ReplyChannel } from "../report.ts";
import type { IncomingCommand, ReplyAddress } from "../request.ts";
import { ExecutionTopics } from "./execution-topics.ts";

export type AwsChannelParts = {
  readonly thing: string;
  readonly broker: Pick<Broker, "subscribe">;
  readonly requestClient: Pick<RequestClient, "listen" | "request">;
  readonly log: Log;
};

/**
 * AWS IoT Commands, JSON and CBOR (reserved topics `$aws/commands/things/<thing>/executions/<id>/...`).
 *
 * The updates of one execution go one after the other, each once the one before was accepted or rejected: the service takes two at a
 * time for a conflict.
 */
export class AwsChannel implements ReplyChannel, CommandChannel {
  readonly name = "aws";
  readonly #parts: AwsChannelParts;
  readonly #topics: ExecutionTopics;

  constructor(parts: AwsChannelParts) {
    this.#parts = parts;
    this.#topics = new ExecutionTopics("$aws/commands", parts.thing, parts.log);
  }

  /** Listens for executions. Throws `broker.refused` when the broker is there and refuses a subscription. */
  async open(take: (incoming: IncomingCommand) => void): Promise<void> {
    const { requestClient, broker } = this.#parts;
    await requestClient.listen(WIRE_FORMATS.flatMap((format) => this.#topics.answers(format)));
    for (const format of WIRE_FORMATS) {
      await broker.subscribe(this.#topics.requests(format), (message) => {
        const read = (execution: string) => ({ format, reply: { channel: "aws", execution, format } }) as const;
        const incoming = this.#topics.incomingCommand(message, read);
        if (incoming !== undefined) take(incoming);
      });
    }
  }

  async progress(reply: ReplyAddress, signal: AbortSignal): Promise<void> {
    await this.#update(reply, { status: "IN_PROGRESS" }, signal);
  }

  async report(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<"reported" | "later"> {
    return this.#topics.outcomeOf(this.name, await this.#update(reply, bodyOf(answer), signal));
  }

  async #update(
    reply: ReplyAddress,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Reply<unknown>> {
    if (reply.channel !== "aws") throw new TypeError(`a reply to ${reply.channel} on the channel of AWS IoT Commands`);
    const { execution, format } = reply;
    const exchange = this.#topics.updateRequest(execution, format, { format, body });
    return await this.#parts.requestClient.request(exchange, signal);
  }
}

/** Body of UpdateCommandExecution; over MQTT the type keys of result values are lower case. */
function bodyOf({ status, reason, result }: Answer): Readonly<Record<string, unknown>> {
  const entries = Object.entries(result).map(
    ([key, value]) => [key, typeof value === "boolean" ? { b: value } : { s: value }] as const,
  );
  const statusReason =
    reason === undefined ? undefined : { reasonCode: reason.code, reasonDescription: reason.description };
  return { status, statusReason, result: entries.length === 0 ? undefined : Object.fromEntries(entries) };
}
