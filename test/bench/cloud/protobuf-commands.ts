import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import { CommandExecutions, type Execution } from "./command-executions.ts";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const PACKAGE = "causeway.commands.v1";
/** How the service names the statuses of the protobuf flavour; it has none for what was rejected. */
const STATUSES: Readonly<Record<string, string>> = {
  COMMAND_STATUS_SUCCEEDED: "SUCCEEDED",
  COMMAND_STATUS_EXECUTION_TIMEOUT: "TIMED_OUT",
  COMMAND_STATUS_EXECUTION_FAILED: "FAILED",
  COMMAND_STATUS_IN_PROGRESS: "IN_PROGRESS",
};

/** Whether this machine has protoc, which writes and reads the messages here. */
export const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;

/** The cloud's side of commands in the protobuf flavour. Messages are written and read by protoc, which shares no code with the agent. */
export class ProtobufCommands {
  readonly executions = new CommandExecutions();
  /** Every answer as protoc prints it. */
  readonly answers: string[] = [];
  /** What the next updates are rejected with, one after the other. */
  readonly rejections: string[] = [];
  /** Answers as protoc printed them, by their bytes. */
  readonly #texts = new Map<string, string>();
  readonly #session: Broker;
  readonly #prefix: string;

  /** With a prefix that begins with `$aws/` it accepts updates, or rejects them, as the service does. */
  constructor(session: Broker, prefix: string) {
    this.#session = session;
    this.#prefix = prefix;
  }

  async start(): Promise<void> {
    await this.#session.subscribe(`${this.#prefix}/things/+/executions/+/response/protobuf`, (message) => {
      void this.#take(message);
    });
  }

  /** Starts an execution whose request is protoc's text form of a CommandRequest without its id. */
  async startExecution(thing: string, executionId: string, request: string): Promise<Execution> {
    const execution = this.executions.create(executionId, thing);
    await this.deliver(execution, encodeRequest(`command_id: "${executionId}" ${request}`));
    return execution;
  }

  /** Sends the request of an execution, which a broker may do more than once. */
  async deliver({ executionId, thing }: Execution, payload: Uint8Array): Promise<void> {
    await this.#session.publish(
      publicationTo(
        `${this.#prefix}/things/${thing}/executions/${executionId}/request/protobuf`,
        payload,
        "application/octet-stream",
        { messageExpirySeconds: 60 },
      ),
    );
  }

  /** Each answer is given to protoc once: a process for every repeat would hold up the bus that lives in this one. */
  #read(payload: Uint8Array): string {
    const key = Buffer.from(payload).toString("hex");
    const text = this.#texts.get(key) ?? decodeResponse(payload);
    this.#texts.set(key, text);
    return text;
  }

  async #take({ topic, payload }: ReceivedPublish): Promise<void> {
    const [thing = "", , executionId = ""] = topic.slice(this.#prefix.length + "/things/".length).split("/");
    const text = this.#read(payload);
    this.answers.push(text);
    const rejection = this.rejections.shift();
    const verdict =
      rejection === undefined
        ? this.executions.update(executionId, thing, updateOf(text))
        : ({ kind: "rejected", error: rejection, errorMessage: "as the test wants it" } as const);
    if (!this.#prefix.startsWith("$aws/")) return;
    const isAccepted = verdict.kind === "accepted";
    const body = isAccepted ? { executionId } : { executionId, ...verdict };
    await this.#session.publish(
      publicationTo(
        `${this.#prefix}/things/${thing}/executions/${executionId}/response/${isAccepted ? "accepted" : "rejected"}/protobuf`,
        new TextEncoder().encode(JSON.stringify(body)),
        "",
        { messageExpirySeconds: 60 },
      ),
    );
  }
}

/** The bytes of a CommandRequest given in protoc's text form. */
export function encodeRequest(text: string): Uint8Array {
  return protoc("--encode", "CommandRequest", text);
}

function decodeResponse(payload: Uint8Array): string {
  return new TextDecoder().decode(protoc("--decode", "CommandResponse", payload));
}

/** `bytes` as a quoted text of protoc's text form. */
export function quoted(bytes: Uint8Array): string {
  return `"${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}"`;
}

function protoc(direction: "--encode" | "--decode", message: string, input: string | Uint8Array): Uint8Array {
  const args = ["-I", PROTO, `${direction}=${PACKAGE}.${message}`, join(PROTO, "commands.proto")];
  const { status, stdout, stderr } = spawnSync("protoc", args, { input });
  if (status !== 0) throw new Error(`protoc ${direction}: ${stderr.toString()}`);
  return stdout;
}

/** The body of UpdateCommandExecution that an answer stands for. */
function updateOf(text: string): object {
  const field = (name: string): string | undefined => new RegExp(`^${name}: "?([^"\\n]*)`, "m").exec(text)?.[1];
  const code = field("reason_code");
  const reason = code === undefined ? {} : { statusReason: { reasonCode: code } };
  return { status: STATUSES[field("status") ?? ""], ...reason };
}
