import { z } from "zod";
import type { Broker, ReceivedPublish } from "../ports/broker.ts";
import { type Reply, RequestClient, type RequestClientParts } from "./request-client.ts";
import { decodeBody } from "./wire-format.ts";

/** Bytes of the state that a shadow may have, desired and reported together (AWS IoT quotas, Device Shadow). */
export const SHADOW_STATE_BYTES = 8192;

/** Levels that the state of a shadow may have, with those of its sections (guide, Device Shadow error messages; the quotas say 8). */
export const SHADOW_STATE_LEVELS = 6;

/** Bounds of the requests of a shadow: one at a time, with room for those whose answers are late, and answers as long as a shadow with its metadata can be. */
export const SHADOW_REQUEST_LIMITS = { timeoutMs: 10_000, maxPending: 4, maxAnswerBytes: 131_072 } as const;

/** Levels below desired or reported that are read; the service allows fewer. What is compared and measured goes down level by level. */
const MAX_LEVELS = 16;

// The depth comes first: what is read below goes down level by level.
const shallow = z.unknown().refine((value) => isShallow(value, MAX_LEVELS), "is nested too deep");
// A number without end, which JSON text may hold (1e400), has no spelling that a digest could be made of.
const desiredTree = shallow.pipe(z.record(z.string(), z.json()));
const reportedTree = shallow.pipe(z.record(z.string(), z.unknown()));
const shownShadow = z.object({
  state: z.object({ desired: desiredTree.optional(), reported: reportedTree.optional() }),
  version: z.int(),
});
const updatedShadow = z.object({ version: z.int() });
const announced = z.object({ version: z.int(), clientToken: z.string().optional() });

/** What a shadow holds, as of `version`. */
export type ShadowState = {
  readonly version: number;
  readonly desired: Readonly<Record<string, unknown>> | undefined;
  readonly reported: Readonly<Record<string, unknown>> | undefined;
};

export type NamedShadowParts = Omit<RequestClientParts, "broker"> & {
  readonly broker: Pick<Broker, "publish" | "subscribe" | "online" | "status">;
  readonly thing: string;
  readonly name: string;
};

/**
 * One named shadow of AWS IoT as the device sees it. Every accepted update is heard on update/accepted, whoever made it: a delta is
 * published only while something differs, and a key that was deleted is in none.
 */
export class NamedShadow {
  readonly #parts: NamedShadowParts;
  readonly #base: string;
  readonly #requestClient: RequestClient;
  #onChange: (version: number) => void = () => undefined;
  /** The newest version whose state is known here. */
  #version = 0;
  #ownToken = "";

  constructor(parts: NamedShadowParts) {
    this.#parts = parts;
    this.#base = `$aws/things/${parts.thing}/shadow/name/${parts.name}`;
    const { broker } = parts;
    // Answers are published to every subscriber: those to others tell of a change.
    const heard: RequestClientParts["broker"] = {
      publish: (publication) => broker.publish(publication),
      online: (signal, after) => broker.online(signal, after),
      status: () => broker.status(),
      subscribe: (filter, handler) =>
        broker.subscribe(filter, (message) => {
          this.#hear(message);
          handler(message);
        }),
    };
    const token = (): string => {
      this.#ownToken = parts.token();
      return this.#ownToken;
    };
    this.#requestClient = new RequestClient({ ...parts, broker: heard, token });
  }

  /**
   * Subscribes; `onChange` is called when the shadow has changed, and what it holds must be asked for. `version` is the one that it has
   * now, infinite where that is not known: who has asked meanwhile, and got that one, has seen the change. Throws `broker.refused`.
   */
  async open(onChange: (version: number) => void): Promise<void> {
    this.#onChange = onChange;
    const base = this.#base;
    await this.#requestClient.listen([
      `${base}/get/accepted`,
      `${base}/get/rejected`,
      `${base}/update/accepted`,
      `${base}/update/rejected`,
    ]);
    await this.#parts.broker.subscribe(`${base}/update/delta`, (message) => this.#hear(message));
    await this.#parts.broker.subscribe(`${base}/delete/accepted`, () => {
      this.#version = 0;
      onChange(Number.POSITIVE_INFINITY);
    });
  }

  /** What the shadow holds; "none" where there is none. */
  async get(signal: AbortSignal): Promise<Reply<ShadowState> | { readonly kind: "none" }> {
    const reply = await this.#ask("get", {}, shownShadow, signal);
    if (reply.kind === "rejected" && reply.rejection.code === "404") {
      this.#version = 0;
      return { kind: "none" };
    }
    if (reply.kind !== "accepted") return reply;
    const { state, version } = reply.body;
    this.#version = version;
    return { kind: "accepted", body: { version, desired: state.desired, reported: state.reported } };
  }

  /**
   * Changes what is reported, null taking a key away, if nobody has changed the shadow since it was asked for. "conflict": somebody has.
   * "too-large": desired and reported together are.
   */
  async report(
    reported: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Reply<unknown> | { readonly kind: "conflict" }> {
    const version = this.#version === 0 ? {} : { version: this.#version };
    const reply = await this.#ask("update", { state: { reported }, ...version }, updatedShadow, signal);
    if (reply.kind === "accepted") this.#version = Math.max(this.#version, reply.body.version);
    if (reply.kind !== "rejected") return reply;
    if (reply.rejection.code === "409") return { kind: "conflict" };
    return reply.rejection.code === "413" ? { kind: "too-large" } : reply;
  }

  #ask<T>(
    operation: string,
    body: Readonly<Record<string, unknown>>,
    accepted: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Reply<T>> {
    const topic = `${this.#base}/${operation}`;
    return this.#requestClient.request({ topic, format: "json", body, correlate: "token", accepted }, signal);
  }

  #hear({ topic, payload }: ReceivedPublish): void {
    if (!topic.endsWith("/update/accepted") && !topic.endsWith("/update/delta")) return;
    const told = announced.safeParse(decodeBody("json", payload));
    // Not understood: whatever it is, asking tells.
    if (!told.success) return this.#onChange(Number.POSITIVE_INFINITY);
    const { version, clientToken } = told.data;
    if (clientToken !== undefined && clientToken === this.#ownToken) return;
    if (version > this.#version) this.#onChange(version);
  }
}

/** Whether there are at most so many levels of objects and lists. */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((below) => isShallow(below, levels - 1));
}
