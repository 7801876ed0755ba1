import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import { ShadowDocument, type ShadowRejection } from "./shadow-document.ts";

/** What is done to the next request of a device: nothing else ("pass"), no answer, or this one. */
export type ShadowDisturbance = "pass" | "silent" | { readonly code: number; readonly message: string };

type Asked = { readonly operation: string; readonly thing: string; readonly name: string; readonly body: unknown };

/** Requests of one connection that the service takes at a time (guide, Device Shadow error messages, 429). */
const MAX_IN_FLIGHT = 10;

/** The AWS side of named shadows, on a session of the bench's cloud. */
export class CloudShadows {
  /** Requests of devices, the oldest first: "get", "update" or "delete" of a shadow's name, with their body. */
  readonly requests: { readonly operation: string; readonly name: string; readonly body: unknown }[] = [];
  /** The order of what an update makes the service publish is not promised. */
  isDeltaFirst = false;
  readonly #session: Broker;
  readonly #shadows = new Map<string, ShadowDocument>();
  /** Versions of shadows that were deleted. */
  readonly #deleted = new Map<string, number>();
  readonly #disturbances: ShadowDisturbance[] = [];
  /** Requests of each thing that are not answered yet: a thing of the bench has one connection. */
  readonly #inFlight = new Map<string, number>();

  constructor(session: Broker) {
    this.#session = session;
  }

  async start(): Promise<void> {
    for (const operation of ["get", "update", "delete"]) {
      await this.#session.subscribe(`$aws/things/+/shadow/name/+/${operation}`, (message) => void this.#take(message));
    }
  }

  /** The next requests of devices are treated so, one after the other. */
  disturb(...disturbances: readonly ShadowDisturbance[]): void {
    this.#disturbances.push(...disturbances);
  }

  /** UpdateThingShadow over HTTPS; its messages are published all the same. Throws what the service refuses it with. */
  async update(thing: string, name: string, body: unknown): Promise<void> {
    const rejection = await this.#update(thing, name, body);
    if (rejection !== undefined) throw new Error(`${rejection.code} ${rejection.message}`);
  }

  /** DeleteThingShadow over HTTPS. */
  async delete(thing: string, name: string): Promise<void> {
    await this.#delete(thing, name);
  }

  /** State and version of a shadow; undefined where there is none. */
  shadow(thing: string, name: string): Pick<ShadowDocument, "state" | "version"> | undefined {
    return this.#shadows.get(`${thing} ${name}`);
  }

  async #take({ topic, payload }: ReceivedPublish): Promise<void> {
    const [, , thing = "", , , name = "", operation = ""] = topic.split("/");
    const text = decodeUtf8(payload);
    const body = text === undefined || text === "" ? {} : parseJson(text);
    this.requests.push({ operation, name, body });
    const disturbance = this.#disturbances.shift();
    if (disturbance === "silent") return;
    const inFlight = (this.#inFlight.get(thing) ?? 0) + 1;
    this.#inFlight.set(thing, inFlight);
    const refusal = disturbance === "pass" ? undefined : disturbance;
    const asked = { operation, thing, name, body };
    const rejection = refusal ?? refusalOf(text, inFlight) ?? (await this.#carryOut(asked));
    if (rejection !== undefined) await this.#publish(`${topic}/rejected`, { ...rejection, timestamp: now() }, body);
    this.#inFlight.set(thing, (this.#inFlight.get(thing) ?? 1) - 1);
  }

  async #carryOut({ operation, thing, name, body }: Asked): Promise<ShadowRejection | undefined> {
    if (body === undefined) return { code: 400, message: "Invalid JSON" };
    if (operation === "update") return await this.#update(thing, name, body);
    if (operation === "delete") return await this.#delete(thing, name);
    const shadow = this.#shadows.get(`${thing} ${name}`);
    if (shadow === undefined) return { code: 404, message: `No shadow exists with name: ${name}` };
    await this.#publish(`${prefixOf(thing, name)}/get/accepted`, shadow.shown(now()), body);
    return undefined;
  }

  async #update(thing: string, name: string, body: unknown): Promise<ShadowRejection | undefined> {
    const key = `${thing} ${name}`;
    const shadow = this.#shadows.get(key) ?? new ShadowDocument(this.#deleted.get(key));
    const outcome = shadow.update(body, now());
    if ("code" in outcome) return outcome;
    this.#shadows.set(key, shadow);
    const { accepted, delta, documents } = outcome;
    const told = [
      { suffix: "accepted", message: accepted },
      ...(delta === undefined ? [] : [{ suffix: "delta", message: delta }]),
      { suffix: "documents", message: documents },
    ];
    for (const { suffix, message } of this.isDeltaFirst ? told.toReversed() : told) {
      await this.#publish(`${prefixOf(thing, name)}/update/${suffix}`, message, undefined);
    }
    return undefined;
  }

  async #delete(thing: string, name: string): Promise<ShadowRejection | undefined> {
    const key = `${thing} ${name}`;
    const shadow = this.#shadows.get(key);
    if (shadow === undefined) return { code: 404, message: `No shadow exists with name: ${name}` };
    this.#shadows.delete(key);
    this.#deleted.set(key, shadow.version);
    const body = { version: shadow.version, timestamp: now() };
    await this.#publish(`${prefixOf(thing, name)}/delete/accepted`, body, undefined);
    return undefined;
  }

  /** With the client token of the request, where it has one. */
  async #publish(topic: string, body: unknown, request: unknown): Promise<void> {
    const told = { ...asObject(body), ...tokenOf(request) };
    const payload = new TextEncoder().encode(JSON.stringify(told));
    await this.#session.publish(publicationTo(topic, payload, "", { messageExpirySeconds: 60 }));
  }
}

function prefixOf(thing: string, name: string): string {
  return `$aws/things/${thing}/shadow/name/${name}`;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** What the service refuses before it looks at the shadow. */
function refusalOf(text: string | undefined, inFlight: number): ShadowRejection | undefined {
  if (inFlight > MAX_IN_FLIGHT) return { code: 429, message: "The request exceeds the requests that may be in flight" };
  if (text !== undefined) return undefined;
  return { code: 415, message: "Unsupported documented encoding; supported encoding is UTF-8" };
}

/** Undefined for what is not UTF-8. */
function decodeUtf8(payload: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    // As the service does: the request is refused.
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    // As the service does: the request is refused.
    return undefined;
  }
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function tokenOf(request: unknown): object {
  const { clientToken } = { clientToken: undefined, ...asObject(request) };
  return clientToken === undefined ? {} : { clientToken };
}
