import type { ProtobufNames } from "../../../config/catalogue.ts";
import type { RequestClient } from "../../cloud/request-client.ts";
import type { Log } from "../../core/log.ts";
import { type Broker, publicationTo } from "../../ports/broker.ts";
import { type Answer, REASONS } from "../answer.ts";
import type { CommandChannel } from "../command-service.ts";
import type { ReplyChannel } from "../report.ts";
import type { DecodedCommand, IncomingCommand, ReplyAddress } from "../request.ts";
import { type CommandMessage, type CommandResponse, encodeCommandResponse } from "./command-messages.ts";
import { ExecutionTopics } from "./execution-topics.ts";
import { namedCommand } from "./protobuf-names.ts";

const CONTENT_TYPE = "application/x-protobuf";
const FORMAT = "protobuf";

export type ProtobufChannelParts = {
  readonly thing: string;
  /** "$aws/commands": a service that accepts or rejects each update; another one is a broker of one's own, whose PUBACK is all there is. */
  readonly prefix: string;
  readonly names: ProtobufNames;
  /** Whether there is a state template that is not of the catalogue; absent: none. */
  readonly isOtherState?: ((template: string) => boolean) | undefined;
  readonly read: (payload: Uint8Array) => CommandMessage | undefined;
  readonly broker: Pick<Broker, "subscribe" | "publish">;
  readonly requestClient: Pick<RequestClient, "listen" | "request">;
  readonly log: Log;
};

/**
 * Commands in the protobuf flavour of AWS IoT FleetWise (config/proto/commands.proto), on
 * `<prefix>/things/<thing>/executions/<id>/request/protobuf`. What acts needs the authorisation that is a field of ours: the signature
 * is over the vehicle's own name of the action, as on every channel.
 */
export class ProtobufChannel implements ReplyChannel, CommandChannel {
  readonly name = "protobuf";
  readonly #parts: ProtobufChannelParts;
  readonly #topics: ExecutionTopics;
  readonly #isService: boolean;

  constructor(parts: ProtobufChannelParts) {
    this.#parts = parts;
    this.#topics = new ExecutionTopics(parts.prefix, parts.thing, parts.log);
    this.#isService = parts.prefix.startsWith("$aws/");
  }

  /** Listens for executions. Throws `broker.refused` when the broker is there and refuses a subscription. */
  async open(take: (incoming: IncomingCommand) => void): Promise<void> {
    const { broker, requestClient } = this.#parts;
    if (this.#isService) await requestClient.listen(this.#topics.answers(FORMAT));
    await broker.subscribe(this.#topics.requests(FORMAT), (message) => {
      const incoming = this.#topics.incomingCommand(message, (execution) => ({
        format: (bytes) => this.#translate(bytes, execution),
        reply: { channel: "protobuf", execution },
      }));
      if (incoming !== undefined) take(incoming);
    });
  }

  async progress(reply: ReplyAddress, signal: AbortSignal): Promise<void> {
    const rest = { reasonCode: 0, reasonDescription: "", result: {} };
    await this.#send(reply, { status: "IN_PROGRESS", ...rest }, signal);
  }

  async report(
    reply: ReplyAddress,
    { status, reason, result }: Answer,
    signal: AbortSignal,
  ): Promise<"reported" | "later"> {
    const response = {
      // The flavour has no status for what was not begun; its reason says so.
      status: status === "REJECTED" ? "FAILED" : status,
      reasonCode: reason === undefined ? 0 : REASONS[reason.code],
      reasonDescription: reason?.description ?? "",
      result,
    } as const;
    return await this.#send(reply, response, signal);
  }

  async #send(
    reply: ReplyAddress,
    response: Omit<CommandResponse, "commandId">,
    signal: AbortSignal,
  ): Promise<"reported" | "later"> {
    if (reply.channel !== "protobuf")
      throw new TypeError(`a reply to ${reply.channel} on the channel of protobuf commands`);
    const { execution } = reply;
    const payload = encodeCommandResponse({ ...response, commandId: execution });
    return this.#isService ? await this.#update(execution, payload, signal) : await this.#publish(execution, payload);
  }

  /** Of the answer only a rejection is read; that of the service is JSON, one in another form is final. */
  async #update(execution: string, bytes: Uint8Array, signal: AbortSignal): Promise<"reported" | "later"> {
    const content = { format: "json", body: {}, encoded: { bytes, contentType: CONTENT_TYPE } } as const;
    const exchange = this.#topics.updateRequest(execution, FORMAT, content);
    return this.#topics.outcomeOf(this.name, await this.#parts.requestClient.request(exchange, signal));
  }

  async #publish(execution: string, payload: Uint8Array): Promise<"reported" | "later"> {
    const topic = this.#topics.update(execution, FORMAT);
    const outcome = await this.#parts.broker.publish(publicationTo(topic, payload, CONTENT_TYPE));
    return outcome.kind === "acked" || outcome.kind === "too-large" ? "reported" : "later";
  }

  #translate(payload: Uint8Array, execution: string): DecodedCommand | undefined {
    const message = this.#parts.read(payload);
    if (message?.command === undefined || message.commandId !== execution) return undefined;
    const { decodeError, ...asked } = namedCommand(message.command, this.#parts.names, this.#parts.isOtherState);
    const { issuedAtMs, timeoutMs, authorisation } = message;
    const body = { schemaVersion: 1, id: execution, ...asked, issuedAtMs, timeoutMs, ...signedBy(authorisation) };
    return { body, decodeError };
  }
}

function signedBy(authorisation: CommandMessage["authorisation"]): Readonly<Record<string, unknown>> {
  if (authorisation === undefined) return {};
  const { thing, not_before_ms: notBeforeMs, expires_at_ms: expiresAtMs, counter, key, signature } = authorisation;
  const value = Buffer.from(signature).toString("base64");
  return { thing, notBeforeMs, expiresAtMs, counter, signature: { key, value } };
}
