import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import { decodeBody } from "../../../agent/cloud/wire-format.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";

/** A command as the backend of a phone app knows it. */
export type CompanionCommand = {
  readonly id: string;
  readonly thing: string;
  /** "SENT": the broker has it, which says nothing of the vehicle. */
  status: string;
  answer: unknown;
  /** Answers with a final status that came; one is right. */
  finalAnswers: number;
};

const MAX_BODY_BYTES = 65_536;
const FINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]);
const answerBody = z.looseObject({ request: z.string(), status: z.string() });

/** The backend of a phone app: HTTP towards the phone, MQTT 5 request/response towards the vehicle. */
export class CompanionBackend {
  readonly commands = new Map<string, CompanionCommand>();
  readonly #session: Pick<Broker, "publish" | "subscribe">;
  readonly #server: Server;

  constructor(session: Pick<Broker, "publish" | "subscribe">) {
    this.#session = session;
    this.#server = createServer((request, response) => {
      void this.#handle(request, response).catch((thrown: unknown) => answer(response, 500, { error: String(thrown) }));
    });
  }

  /** Listens on 127.0.0.1 and gives the port. */
  async start(): Promise<number> {
    await this.#session.subscribe("cmd/causeway/+/+/response", (message) => this.#hear(message));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  /** Sends a request to the vehicle, or sends it again where `id` is known. */
  async send(thing: string, body: unknown, id: string = randomUUID()): Promise<CompanionCommand> {
    const command = this.commands.get(id) ?? { id, thing, status: "SENT", answer: undefined, finalAnswers: 0 };
    this.commands.set(id, command);
    await this.#session.publish(
      publicationTo(
        `cmd/causeway/${thing}/${id}/request`,
        new TextEncoder().encode(JSON.stringify(body)),
        "application/json",
        { responseTopic: `cmd/causeway/${thing}/${id}/response`, correlationData: new TextEncoder().encode(id) },
      ),
    );
    return command;
  }

  #hear({ payload, correlationData }: ReceivedPublish): void {
    const command = this.commands.get(new TextDecoder().decode(correlationData));
    const parsed = answerBody.safeParse(decodeBody("json", payload));
    if (command === undefined || !parsed.success) return;
    if (FINAL.has(parsed.data.status)) command.finalAnswers += 1;
    command.status = parsed.data.status;
    command.answer = parsed.data;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, thing = "", id] =
      /^\/vehicles\/([\w:-]{1,128})\/commands(?:\/([\w-]{1,64}))?$/.exec(request.url ?? "") ?? [];
    if (thing === "") return answer(response, 404, { error: "unknown path" });
    if (request.method === "POST" && id === undefined) {
      const body = await readBody(request);
      if (body === undefined) return answer(response, 400, { error: "not JSON, or too long" });
      const command = await this.send(thing, body);
      return answer(response, 202, { id: command.id, status: command.status });
    }
    const known = id === undefined ? undefined : this.commands.get(id);
    if (request.method !== "GET" || known?.thing !== thing) return answer(response, 404, { error: "unknown command" });
    return answer(response, 200, { id: known.id, status: known.status, answer: known.answer });
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part: unknown = chunk;
    if (!(part instanceof Uint8Array)) return undefined;
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(part);
  }
  return decodeBody("json", Buffer.concat(chunks));
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
