import { z } from "zod";
import type { Log } from "../core/log.ts";
import type { Broker, Inbound } from "../ports.ts";
import type { Answer } from "./answer.ts";
import type { RequestDoor } from "./command-service.ts";
import type { Door } from "./report.ts";
import type { Arrival, ReplyAddress } from "./request.ts";
import { describeReply, isRetryable, type Reply, type Requester } from "./requester.ts";
import { WIRE_FORMATS, type WireFormat } from "./wire-format.ts";

/** Longest wait for accepted or rejected of an update, ms. */
export const ANSWER_TIMEOUT_MS = 5000;
/** Execution ids: `[a-zA-Z0-9_-]`, at most 64 (AWS IoT, CommandExecution). */
export const EXECUTION_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** What is accepted is told in the topic; the body says nothing more that counts. */
const anything = z.unknown();

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
  readonly #base: string;

  constructor(parts: AwsCommandsParts) {
    this.#parts = parts;
    this.#base = `$aws/commands/things/${parts.thing}/executions`;
  }

  /** Listens for executions. Throws `broker.refused` when the broker is there and refuses a subscription. */
  async open(take: (arrival: Arrival) => void): Promise<void> {
    const answers = WIRE_FORMATS.flatMap((format) => [
      `${this.#base}/+/response/accepted/${format}`,
      `${this.#base}/+/response/rejected/${format}`,
    ]);
    await this.#parts.requester.listen(answers);
    for (const format of WIRE_FORMATS) {
      await this.#parts.broker.subscribe(`${this.#base}/+/request/${format}`, (message) => {
        const arrival = this.#arrivalOf(message, format);
        if (arrival !== undefined) take(arrival);
      });
    }
  }

  async progress(reply: ReplyAddress, signal: AbortSignal): Promise<void> {
    await this.#update(reply, { status: "IN_PROGRESS" }, signal);
  }

  async tell(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<"told" | "later"> {
    const outcome = await this.#update(reply, bodyOf(answer), signal);
    if (outcome.kind === "accepted") return "told";
    this.#parts.log.warn("command.answer-refused", { status: answer.status, outcome: describeReply(outcome) });
    // A service that says no for good (ended, unknown) will not change its mind; the broker may be given another policy.
    return isRetryable(outcome) || outcome.kind === "aborted" || outcome.kind === "refused" ? "later" : "told";
  }

  async #update(
    reply: ReplyAddress,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Reply<unknown>> {
    if (reply.door !== "aws") throw new TypeError(`a reply to ${reply.door} at the door of AWS IoT Commands`);
    const { execution, format } = reply;
    const place = `${this.#base}/${execution}/response`;
    const exchange = {
      topic: `${place}/${format}`,
      format,
      body,
      correlate: "topic",
      accepted: anything,
      answers: { accepted: `${place}/accepted/${format}`, rejected: `${place}/rejected/${format}` },
      timeoutMs: ANSWER_TIMEOUT_MS,
    } as const;
    return await this.#parts.requester.request<unknown>(exchange, signal);
  }

  #arrivalOf({ topic, payload, messageExpirySeconds }: Inbound, format: WireFormat): Arrival | undefined {
    const execution = topic.slice(this.#base.length + 1).split("/", 1)[0] ?? "";
    if (!EXECUTION_ID.test(execution)) {
      this.#parts.log.warn("command.unnamed", { bytes: payload.length });
      return undefined;
    }
    return {
      id: execution,
      payload,
      format,
      reply: { door: "aws", execution, format },
      restOfLifeMs: messageExpirySeconds === undefined ? undefined : messageExpirySeconds * 1000,
    };
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
