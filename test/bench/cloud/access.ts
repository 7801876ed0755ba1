import { z } from "zod";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { thingRules } from "../broker/mosquitto-config.ts";
import { until } from "../core/wait.ts";

const CONTROL = "$CONTROL/dynamic-security/v1";
const ANSWER_MS = 5000;

const answer = z.object({
  responses: z.array(
    z.object({ command: z.string(), correlationData: z.string().optional(), error: z.string().optional() }),
  ),
});

type Command = Readonly<Record<string, unknown>> & { readonly command: string };

/** Who may do what at the broker, changed while it runs: mosquitto's dynamic security plugin over its control topic. */
export class Access {
  readonly #session: Broker;
  readonly #answers = new Map<string, string>();
  #commands = 0;

  constructor(session: Broker) {
    this.#session = session;
  }

  async start(): Promise<void> {
    await this.#session.subscribe(`${CONTROL}/response`, ({ payload }) => {
      for (const { correlationData, error } of answer.parse(JSON.parse(new TextDecoder().decode(payload))).responses) {
        if (correlationData !== undefined) this.#answers.set(correlationData, error ?? "");
      }
    });
  }

  /** Lets the holder of a certificate with this common name act as the thing. */
  async admit(principal: string, thing: string): Promise<void> {
    await this.#tell({ command: "createRole", rolename: `thing-${thing}`, acls: thingRules(thing) }, "exists");
    await this.#tell(
      { command: "createClient", username: principal, roles: [{ rolename: `thing-${thing}` }] },
      "exists",
    );
  }

  /** Takes every right away and ends the connection with DISCONNECT 0x98. (Deleting the client would make mosquitto 2.0.11 crash later.) */
  async expel(principal: string): Promise<void> {
    await this.#tell({ command: "modifyClient", username: principal, roles: [] }, "not found");
    await this.#tell({ command: "disableClient", username: principal }, "not found");
  }

  /** Ends the connection with DISCONNECT 0x98; it may come again. */
  async kick(principal: string): Promise<void> {
    await this.#tell({ command: "disableClient", username: principal }, "not found");
    await this.#tell({ command: "enableClient", username: principal }, "not found");
  }

  /** Throws when the plugin refuses for another reason than `tolerated`. */
  async #tell(command: Command, tolerated: string): Promise<void> {
    const correlationData = `c${++this.#commands}`;
    const payload = new TextEncoder().encode(JSON.stringify({ commands: [{ ...command, correlationData }] }));
    const life = { messageExpirySeconds: 60 };
    await this.#session.publish(publicationTo(CONTROL, payload, "application/json", life));
    const error = await until(() => this.#answers.get(correlationData), {
      what: command.command,
      timeoutMs: ANSWER_MS,
    });
    this.#answers.delete(correlationData);
    if (error !== "" && !error.toLowerCase().includes(tolerated)) throw new Error(`${command.command}: ${error}`);
  }
}
