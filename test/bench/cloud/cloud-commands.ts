import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CONTENT_TYPES,
  decodeBody,
  encodeBody,
  WIRE_FORMATS,
  type WireFormat,
} from "../../../agent/cloud/wire-format.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import { CommandExecutions, type Execution } from "./command-executions.ts";

/** A command as it is created: its payload is a JSON document, in which `${aws:iot:commandexecution::parameter:<name>}` stands for a parameter. */
export type Command = { readonly format: WireFormat; readonly template: string };

/** How an execution is started. */
export type StartRequest = {
  readonly command: Command;
  readonly thing: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** 10 s when absent, as at AWS IoT. */
  readonly executionTimeoutSeconds?: number;
};

/** What is done to the next update instead: no answer, or an answer that asks for another try. */
export type UpdateDisturbance = "silent" | "conflict";

const PLACEHOLDER = /"\$\{aws:iot:commandexecution::parameter:([A-Za-z0-9_-]+)\}"/g;
const DEFAULT_TIMEOUT_SECONDS = 10;

/** The AWS side of Commands, on a session of the bench's cloud. */
export class CloudCommands {
  readonly executions = new CommandExecutions();
  readonly #session: Broker;
  readonly #disturbances: UpdateDisturbance[] = [];
  readonly #ended = new AbortController();
  /** Updates of one execution that are worked on: a second one meanwhile is a conflict. */
  readonly #busy = new Set<string>();
  /** Time that the service takes for an update. */
  updateMs = 0;

  constructor(session: Broker) {
    this.#session = session;
  }

  async start(): Promise<void> {
    for (const format of WIRE_FORMATS) {
      await this.#session.subscribe(`$aws/commands/things/+/executions/+/response/${format}`, (message) => {
        void this.#take(message, format);
      });
    }
  }

  /** The next updates are treated so, one after the other. */
  disturb(...disturbances: readonly UpdateDisturbance[]): void {
    this.#disturbances.push(...disturbances);
  }

  /** StartCommandExecution. */
  async startExecution({
    command,
    thing,
    parameters = {},
    executionTimeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
  }: StartRequest): Promise<Execution> {
    const execution = this.executions.create(randomUUID(), thing);
    await this.deliver(execution, command, parameters, executionTimeoutSeconds);
    void sleep(executionTimeoutSeconds * 1000, undefined, { signal: this.#ended.signal, ref: false }).then(
      () => this.executions.timeOut(execution.executionId),
      () => undefined,
    );
    return execution;
  }

  /** Sends the request of an execution, which a broker may do more than once. */
  async deliver(
    { executionId, thing }: Execution,
    { format, template }: Command,
    parameters: Readonly<Record<string, unknown>>,
    lifeSeconds: number,
  ): Promise<void> {
    const text = template.replace(PLACEHOLDER, (_whole, name: string) => JSON.stringify(parameters[name]));
    const payload =
      format === "json" ? new TextEncoder().encode(text) : encodeBody(format, { ...asRecord(JSON.parse(text)) });
    await this.#session.publish(
      publicationTo(
        `$aws/commands/things/${thing}/executions/${executionId}/request/${format}`,
        payload,
        CONTENT_TYPES[format],
        { messageExpirySeconds: lifeSeconds },
      ),
    );
  }

  /** Ends the timers. */
  stop(): void {
    this.#ended.abort();
  }

  async #take({ topic, payload }: ReceivedPublish, format: WireFormat): Promise<void> {
    const [, , , thing = "", , executionId = ""] = topic.split("/");
    const disturbance = this.#disturbances.shift();
    if (disturbance === "silent") return;
    const body = decodeBody(format, payload);
    if (disturbance === "conflict" || this.#busy.has(executionId)) {
      await this.#answer(thing, executionId, format, {
        error: "DataConflict",
        errorMessage: "another update is worked on",
      });
      return;
    }
    this.#busy.add(executionId);
    if (this.updateMs > 0) await sleep(this.updateMs);
    const verdict = this.executions.update(executionId, thing, body);
    this.#busy.delete(executionId);
    await this.#answer(thing, executionId, format, verdict.kind === "accepted" ? undefined : verdict);
  }

  async #answer(
    thing: string,
    executionId: string,
    format: WireFormat,
    rejection: { readonly error: string; readonly errorMessage: string } | undefined,
  ): Promise<void> {
    const status = this.executions.find(executionId)?.status;
    const body =
      rejection === undefined
        ? { executionId, status, timestamp: Math.floor(Date.now() / 1000) }
        : { executionId, error: rejection.error, errorMessage: rejection.errorMessage };
    await this.#session.publish(
      publicationTo(
        `$aws/commands/things/${thing}/executions/${executionId}/response/${rejection === undefined ? "accepted" : "rejected"}/${format}`,
        encodeBody(format, body),
        "",
        { messageExpirySeconds: 60 },
      ),
    );
  }
}

function asRecord(value: unknown): object {
  if (typeof value !== "object" || value === null) throw new TypeError("a command's payload must be an object");
  return value;
}
