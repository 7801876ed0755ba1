import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../ports/broker.ts";
import type { PartialResult } from "../action.ts";
import type { Answer } from "../answer.ts";
import type { CommandChannel } from "../command-service.ts";
import type { ReplyChannel } from "../report.ts";
import type { IncomingCommand, ReplyAddress } from "../request.ts";
import { componentOf, type SovdAsked, sovdAnswerOf } from "./sovd-answer.ts";
import { sovdMessages } from "./sovd-messages.ts";
import { readSovd, type SovdNames } from "./sovd-request.ts";

const CONTENT_TYPE = "application/json";
/** Ids of executions: a level of the topic. */
const EXECUTION_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Requests whose time until the answer is told; the latency of older ones is not. */
const MAX_TIMED = 256;
const echoSchema = z.record(z.string(), z.unknown());

export type SovdChannelParts = {
  /** "<prefix>/things/<thing>/executions". */
  readonly base: string;
  /** Level of the topic before "request" and "response". */
  readonly level: string;
  readonly maxAnswerBytes: number;
  /** Of a request; a longer one is not read here either. */
  readonly maxRequestBytes: number;
  readonly names: SovdNames;
  readonly broker: Pick<Broker, "subscribe" | "publish">;
  readonly clock: Clock;
  readonly log: Log;
};

type SovdReply = Extract<ReplyAddress, { channel: "sovd" }>;

/**
 * Diagnostics in JSON over `<prefix>/things/<thing>/executions/<id>/sovd/request` and `/response` (AWS guidance for Connected Mobility,
 * "SOVD Data Model on an MQTT Transport Binding", sections 3.4 to 3.11). It only translates: a request is a command as on every other
 * channel, and meets the same policy, gate, ledger and audit trail. The answer goes to the topic of the request that it is for, whatever
 * the request calls the vehicle, and repeats the members of the request.
 */
export class SovdChannel implements ReplyChannel, CommandChannel {
  readonly name = "sovd";
  readonly #parts: SovdChannelParts;
  /** Monotonic ms at which requests came, by execution. */
  readonly #arrived = new Map<string, number>();

  constructor(parts: SovdChannelParts) {
    this.#parts = parts;
  }

  async open(take: (incoming: IncomingCommand) => void): Promise<void> {
    const { base, level, broker } = this.#parts;
    await broker.subscribe(`${base}/+/${level}/request`, (message) => {
      const incoming = this.#commandOf(message);
      if (incoming !== undefined) take(incoming);
    });
  }

  /** The vocabulary has no word for a command that only runs. */
  async progress(): Promise<void> {}

  /** PROGRESS: one control unit of several is done. */
  async part(reply: ReplyAddress, { name: ecu, value, index, total }: PartialResult): Promise<void> {
    if (total < 2) return;
    const { execution, asked } = addressOf(reply);
    const { name, isRead, component } = componentOf(value, asked, this.#nameOf(ecu));
    const progress = { ecu_index: index, ecu_total: total, ecu_name: name, ecu_status: isRead ? "ok" : "timeout" };
    const components = component === undefined ? {} : { [name]: component };
    await this.#publish(execution, { ...this.#head(execution, asked), status: "PROGRESS", progress, components });
  }

  async report(reply: ReplyAddress, answer: Answer): Promise<"reported" | "later"> {
    const { execution, asked } = addressOf(reply);
    const said = sovdAnswerOf(answer, asked, (ecu) => this.#nameOf(ecu));
    const head = { ...this.#head(execution, asked), latency_ms: this.#latencyMs(execution) };
    for (const message of sovdMessages(head, said, this.#parts.maxAnswerBytes)) {
      if ((await this.#publish(execution, message)) === "later") return "later";
    }
    this.#arrived.delete(execution);
    return "reported";
  }

  #head(execution: string, { called, echo }: SovdAsked): Readonly<Record<string, unknown>> {
    const { components: _asked, ...kept } = echo;
    return { ...kept, correlation_id: echo.correlation_id ?? execution, command_type: called };
  }

  #latencyMs(execution: string): number | null {
    const arrivedMs = this.#arrived.get(execution);
    return arrivedMs === undefined ? null : Math.round(this.#parts.clock.monotonicMs() - arrivedMs);
  }

  #nameOf(ecu: string): string {
    const { components } = this.#parts.names;
    return Object.keys(components).find((called) => components[called] === ecu) ?? ecu;
  }

  async #publish(execution: string, body: Readonly<Record<string, unknown>>): Promise<"reported" | "later"> {
    const { base, level, broker } = this.#parts;
    const payload = new TextEncoder().encode(JSON.stringify(body));
    const publication = publicationTo(`${base}/${execution}/${level}/response`, payload, CONTENT_TYPE);
    const outcome = await broker.publish(publication);
    return outcome.kind === "acked" || outcome.kind === "too-large" ? "reported" : "later";
  }

  #commandOf({ topic, payload, messageExpirySeconds }: ReceivedPublish): IncomingCommand | undefined {
    const { base, maxRequestBytes, names, log, clock } = this.#parts;
    const id = topic.slice(base.length + 1).split("/", 1)[0] ?? "";
    if (!EXECUTION_ID.test(id)) {
      log.warn("command.unnamed", { bytes: payload.length });
      return undefined;
    }
    const read = payload.length > maxRequestBytes ? undefined : readSovd(payload, names);
    const echo = JSON.stringify(read?.echo ?? {});
    const reply: SovdReply = { channel: "sovd", execution: id, command: read?.command ?? "", echo };
    this.#noteArrival(id, clock.monotonicMs());
    const expiryMs = messageExpirySeconds === undefined ? Number.POSITIVE_INFINITY : messageExpirySeconds * 1000;
    return {
      id,
      payload,
      // Read once here, for what its answer repeats.
      format: () => read?.asked,
      reply,
      restOfLifeMs: Math.min(expiryMs, names.timeoutMs),
    };
  }

  #noteArrival(execution: string, atMs: number): void {
    if (this.#arrived.has(execution)) return;
    const [oldest] = this.#arrived.keys();
    if (this.#arrived.size >= MAX_TIMED && oldest !== undefined) this.#arrived.delete(oldest);
    this.#arrived.set(execution, atMs);
  }
}

function addressOf(reply: ReplyAddress): { readonly execution: string; readonly asked: SovdAsked } {
  if (reply.channel !== "sovd") throw new TypeError(`a reply to ${reply.channel} on the channel of SOVD`);
  const echo = echoSchema.safeParse(JSON.parse(reply.echo));
  return { execution: reply.execution, asked: { called: reply.command, echo: echo.success ? echo.data : {} } };
}
