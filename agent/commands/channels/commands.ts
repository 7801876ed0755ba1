import type { Reply, Requester } from "../../cloud/requester.ts";
import { WIRE_FORMATS } from "../../cloud/wire-format.ts";
import type { Log } from "../../core/log.ts";
import type { Broker } from "../../ports/broker.ts";
import type { Answer } from "../answer.ts";
import type { RequestDoor } from "../command-service.ts";
import type { Door } from "../report.ts";
import type { Arrival, ReplyAddress } from "../request.ts";
import { ExecutionTopics } from "./executions.ts";

/** What the door to AWS IoT Commands is made of. */
export type AwsCommandsParts = {
  readonly thing: string;
  readonly broker: Pick<Broker, "subscribe">;
  readonly requester: Pick<Requester, "listen" | "request">;
  readonly log: Log;
};

/**
 * AWS IoT Commands, JSON and CBOR (reserved topics `$aws/commands/things/<thing>/executions/<id>/...`).
 *
 * The updates of one execution go one after the other, each once the one before was accepted or rejected: the service takes two at a
 * time for a conflict.
 */
export class AwsCommands implements Door, RequestDoor {
  readonly name = "aws";
  readonly #parts: AwsCommandsParts;
  readonly #topics: ExecutionTopics;

  constructor(parts: AwsCommandsParts) {
    this.#parts = parts;
    this.#topics = new ExecutionTopics("$aws/commands", parts.thing, parts.log);
  }

  /** Listens for executions. Throws `broker.refused` when the broker is there and refuses a subscription. */
  async open(take: (arrival: Arrival) => void): Promise<void> {
    const { requester, broker } = this.#parts;
    await requester.listen(WIRE_FORMATS.flatMap((format) => this.#topics.answers(format)));
    for (const format of WIRE_FORMATS) {
      await broker.subscribe(this.#topics.requests(format), (message) => {
        const read = (execution: string) => ({ format, reply: { door: "aws", execution, format } }) as const;
        const arrival = this.#topics.arrival(message, read);
        if (arrival !== undefined) take(arrival);
      });
    }
  }

  async progress(reply: ReplyAddress, signal: AbortSignal): Promise<void> {
    await this.#update(reply, { status: "IN_PROGRESS" }, signal);
  }

  async tell(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<"told" | "later"> {
    return this.#topics.told(this.name, await this.#update(reply, bodyOf(answer), signal));
  }

  async #update(
    reply: ReplyAddress,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Reply<unknown>> {
    if (reply.door !== "aws") throw new TypeError(`a reply to ${reply.door} at the door of AWS IoT Commands`);
    const { execution, format } = reply;
    const exchange = this.#topics.exchange(execution, format, { format, body });
    return await this.#parts.requester.request(exchange, signal);
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
