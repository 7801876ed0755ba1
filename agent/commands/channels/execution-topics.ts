import { z } from "zod";
import { describeReply, isRetryable, type Reply, type ServiceRequest } from "../../cloud/request-client.ts";
import type { Log } from "../../core/log.ts";
import type { ReceivedPublish } from "../../ports/broker.ts";
import type { IncomingCommand } from "../request.ts";

/** Longest wait for accepted or rejected of an update, ms. */
const ANSWER_TIMEOUT_MS = 5000;
/** Execution ids: `[a-zA-Z0-9_-]`, at most 64 (AWS IoT, CommandExecution). */
const EXECUTION_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Topics of the executions of a thing, `<prefix>/things/<thing>/executions/<id>/...`, in every format that goes over them. */
export class ExecutionTopics {
  readonly #base: string;
  readonly #log: Log;

  constructor(prefix: string, thing: string, log: Log) {
    this.#base = `${prefix}/things/${thing}/executions`;
    this.#log = log;
  }

  /** Filter of the requests in a format. */
  requests(format: string): string {
    return `${this.#base}/+/request/${format}`;
  }

  /** Filters of the service's answers to updates in a format. */
  answers(format: string): readonly string[] {
    return [`${this.#base}/+/response/accepted/${format}`, `${this.#base}/+/response/rejected/${format}`];
  }

  /** Where an execution is updated. */
  update(execution: string, format: string): string {
    return `${this.#base}/${execution}/response/${format}`;
  }

  /** An update that the service accepts or rejects. What is accepted is told in the topic; the body says nothing more that counts. */
  updateRequest(
    execution: string,
    format: string,
    content: Pick<ServiceRequest<unknown>, "format" | "body" | "encoded">,
  ): ServiceRequest<unknown> {
    const place = `${this.#base}/${execution}/response`;
    return {
      ...content,
      topic: this.update(execution, format),
      correlate: "topic",
      accepted: z.unknown(),
      answers: { accepted: `${place}/accepted/${format}`, rejected: `${place}/rejected/${format}` },
      timeoutMs: ANSWER_TIMEOUT_MS,
    };
  }

  /** A message on a request topic; undefined for one whose execution has no proper name. */
  incomingCommand(
    { topic, payload, messageExpirySeconds }: ReceivedPublish,
    read: (execution: string) => Pick<IncomingCommand, "format" | "reply">,
  ): IncomingCommand | undefined {
    const id = topic.slice(this.#base.length + 1).split("/", 1)[0] ?? "";
    if (!EXECUTION_ID.test(id)) {
      this.#log.warn("command.unnamed", { bytes: payload.length });
      return undefined;
    }
    const restOfLifeMs = messageExpirySeconds === undefined ? undefined : messageExpirySeconds * 1000;
    return { id, payload, ...read(id), restOfLifeMs };
  }

  /**
   * Whether an update has reported its answer. A service that says no for good (ended, unknown) will not change its mind; the broker
   * may be given another policy.
   */
  outcomeOf(channel: string, outcome: Reply<unknown>): "reported" | "later" {
    if (outcome.kind === "accepted") return "reported";
    this.#log.warn("command.answer-refused", { channel, outcome: describeReply(outcome) });
    return isRetryable(outcome) || outcome.kind === "aborted" || outcome.kind === "publish-rejected"
      ? "later"
      : "reported";
  }
}
