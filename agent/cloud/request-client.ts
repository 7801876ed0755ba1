import type { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { issueText } from "../core/issue-text.ts";
import type { Log } from "../core/log.ts";
import { type Broker, type PublishOutcome, publicationTo, type ReceivedPublish } from "../ports/broker.ts";
import { rejectionOf, type ServiceRejection } from "./rejection.ts";
import { CONTENT_TYPES, decodeBody, encodeBody, type WireFormat } from "./wire-format.ts";

/** Bounds of the request client. */
export type RequestClientLimits = {
  /** From the publish to the answer, ms. */
  readonly timeoutMs: number;
  /** Requests that wait for their answer at a time. */
  readonly maxPending: number;
  /** Longest answer that is read, bytes. */
  readonly maxAnswerBytes: number;
};

/** `token` gives a new client token: unique, at most 64 bytes. */
export type RequestClientParts = {
  readonly broker: Pick<Broker, "publish" | "subscribe" | "online" | "status">;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: RequestClientLimits;
  token(): string;
};

/** A body that is encoded already. */
export type EncodedBody = { readonly bytes: Uint8Array; readonly contentType: string };

/**
 * One request and the answers it may get.
 *
 * `correlate` "token": `clientToken` is added to the body and must come back with the answer, so that many requests may wait on one
 * topic. "topic": the service knows no token (provisioning) or need not echo it; one such request on a topic waits at a time, the
 * next one waits for its turn.
 */
export type ServiceRequest<T> = {
  readonly topic: string;
  readonly format: WireFormat;
  readonly body: Readonly<Record<string, unknown>>;
  /** Sent instead of `body`, without a token, where the service takes neither JSON nor CBOR. */
  readonly encoded?: EncodedBody;
  readonly correlate: "token" | "topic";
  /** Schema of the accepted body. */
  readonly accepted: z.ZodType<T>;
  /** Where the answers come; `topic` with /accepted and /rejected when absent. */
  readonly answers?: { readonly accepted: string; readonly rejected: string };
  /** Instead of the limit of the client. */
  readonly timeoutMs?: number;
};

/**
 * How a request ended. "rejected": the service said no. "publish-rejected": the broker did, PUBACK 0x80 or above. "offline": there is no link,
 * or the connection that asked is gone, so that the answer will not come; the request may have been carried out. "busy": the bound of
 * waiting requests is reached. "malformed": the answer is not what the schema says.
 */
export type Reply<T> =
  | { readonly kind: "accepted"; readonly body: T }
  | { readonly kind: "rejected"; readonly rejection: ServiceRejection }
  | { readonly kind: "publish-rejected"; readonly reason: string }
  | { readonly kind: "malformed"; readonly problem: string }
  | { readonly kind: "offline" | "timeout" | "aborted" | "busy" | "too-large" };

/** Counts since start. */
export type RequestClientCounters = {
  /** Requests that were published. */
  readonly requested: number;
  /** Ended without an answer of the service. */
  readonly unanswered: number;
  /** Answers that nobody waited for: late ones, repeated ones, those to another client. */
  readonly foreign: number;
  /** Answers that were too long to be read. */
  readonly oversized: number;
  /** Answers that could not be read or do not fit their schema. */
  readonly malformed: number;
  /** Requests rejected at the bound. */
  readonly rejectedAtLimit: number;
  readonly pending: number;
};

type ServiceAnswer = { readonly isAccepted: boolean; readonly body: unknown };
type Ending =
  | { readonly kind: "answered"; readonly verdict: ServiceAnswer }
  | Exclude<Reply<never>, { kind: "accepted" }>;
type Pending = {
  readonly format: WireFormat;
  readonly accepted: string;
  readonly rejected: string;
  /** Undefined when the topic alone correlates. */
  readonly token: string | undefined;
  settle(ending: Ending): void;
};

/**
 * Requests to the services behind the reserved topics, over one MQTT session.
 *
 * The answers come on subscriptions that `listen` makes once and that stay, each disjoint from all others of the session. An answer
 * that nobody waits for is counted and left: the service answers the connection that asked, subscribed or not, and may do so late.
 */
export class RequestClient {
  readonly #parts: RequestClientParts;
  readonly #pending = new Set<Pending>();
  /** End of the last request on each topic that allows one at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #counts = { requested: 0, unanswered: 0, foreign: 0, oversized: 0, malformed: 0, rejectedAtLimit: 0 };
  #waiting = 0;

  constructor(parts: RequestClientParts) {
    this.#parts = parts;
  }

  /**
   * Subscribes to answers, for example "$aws/things/veh-1/jobs/+/update/+". The filters must be disjoint from all others of the session.
   * Throws `broker.refused` when the broker is there and refuses one.
   */
  async listen(filters: readonly string[]): Promise<void> {
    await Promise.all(filters.map((filter) => this.#parts.broker.subscribe(filter, (message) => this.#take(message))));
  }

  /** Asks and waits for the answer. Never rejects. */
  async request<T>(exchange: ServiceRequest<T>, signal: AbortSignal): Promise<Reply<T>> {
    if (this.#waiting >= this.#parts.limits.maxPending) {
      this.#counts.rejectedAtLimit += 1;
      return { kind: "busy" };
    }
    this.#waiting += 1;
    try {
      return await this.#inTurn(exchange, () => this.#send(exchange, signal));
    } finally {
      this.#waiting -= 1;
    }
  }

  counters(): RequestClientCounters {
    return { ...this.#counts, pending: this.#waiting };
  }

  #inTurn<T>({ topic, correlate }: ServiceRequest<T>, ask: () => Promise<Reply<T>>): Promise<Reply<T>> {
    if (correlate === "token") return ask();
    const mine = (this.#turns.get(topic) ?? Promise.resolve()).then(ask);
    this.#turns.set(topic, mine);
    const forget = (): void => {
      if (this.#turns.get(topic) === mine) this.#turns.delete(topic);
    };
    return mine.finally(forget);
  }

  async #send<T>(exchange: ServiceRequest<T>, signal: AbortSignal): Promise<Reply<T>> {
    if (signal.aborted) return { kind: "aborted" };
    const { broker, clock, limits } = this.#parts;
    const { connects, state } = broker.status();
    if (state !== "online") return { kind: "offline" };
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const token = exchange.correlate === "token" ? this.#parts.token() : undefined;
    const pending = { ...placeOf(exchange), format: exchange.format, token, settle: resolve };
    const done = new AbortController();
    const onAbort = (): void => resolve({ kind: "aborted" });
    signal.addEventListener("abort", onAbort, { once: true });
    this.#pending.add(pending);
    this.#counts.requested += 1;
    const timeoutMs = exchange.timeoutMs ?? limits.timeoutMs;
    void clock.sleep(timeoutMs, done.signal).then(() => resolve({ kind: "timeout" }));
    // The service answers the connection that asked: the next one will not hear it.
    void broker.online(done.signal, connects).then(() => resolve({ kind: "offline" }));
    void this.#publish(exchange, token).then((outcome) => {
      const failure = failureOf(outcome);
      if (failure !== undefined) resolve(failure);
    });
    const ending = await promise;
    done.abort();
    signal.removeEventListener("abort", onAbort);
    this.#pending.delete(pending);
    return this.#conclude(exchange, ending);
  }

  #publish<T>({ topic, format, body, encoded }: ServiceRequest<T>, token: string | undefined): Promise<PublishOutcome> {
    const { bytes: payload, contentType } = encoded ?? {
      bytes: encodeBody(format, token === undefined ? body : { ...body, clientToken: token }),
      contentType: CONTENT_TYPES[format],
    };
    return this.#parts.broker.publish(publicationTo(topic, payload, contentType));
  }

  #conclude<T>(exchange: ServiceRequest<T>, ending: Ending): Reply<T> {
    if (ending.kind !== "answered") {
      this.#counts.unanswered += 1;
      return ending;
    }
    const { isAccepted, body } = ending.verdict;
    if (!isAccepted) return { kind: "rejected", rejection: rejectionOf(body) };
    const parsed = exchange.accepted.safeParse(body);
    if (parsed.success) return { kind: "accepted", body: parsed.data };
    this.#counts.malformed += 1;
    return { kind: "malformed", problem: `${exchange.topic}: ${issueText(parsed.error)}` };
  }

  #take({ topic, payload }: ReceivedPublish): void {
    const candidates = [...this.#pending].filter(({ accepted, rejected }) => topic === accepted || topic === rejected);
    const [first] = candidates;
    if (first === undefined) {
      this.#counts.foreign += 1;
      this.#parts.log.debug("request.answer-foreign", { topic });
      return;
    }
    if (payload.byteLength > this.#parts.limits.maxAnswerBytes) {
      this.#counts.oversized += 1;
      this.#parts.log.warn("request.answer-oversized", { topic, bytes: payload.byteLength });
      return;
    }
    const body = decodeBody(first.format, payload);
    const isAccepted = topic === first.accepted;
    const mine =
      candidates.length === 1 && !isAccepted && tokenOf(body) === undefined ? first : owner(candidates, body);
    if (mine !== undefined) mine.settle({ kind: "answered", verdict: { isAccepted, body } });
    else if (body === undefined) this.#counts.malformed += 1;
    else this.#counts.foreign += 1;
  }
}

/** Whether the same request may succeed later without a person. */
export function isRetryable(reply: Reply<unknown>): boolean {
  switch (reply.kind) {
    case "rejected":
      return reply.rejection.isRetryable;
    case "offline":
    case "timeout":
    case "busy":
      return true;
    case "accepted":
    case "aborted":
    case "publish-rejected":
    case "malformed":
    case "too-large":
      return false;
  }
}

/** How a request that was not accepted ended, in one line for logs and people. */
export function describeReply(reply: Reply<unknown>): string {
  switch (reply.kind) {
    case "rejected":
      return `rejected: ${reply.rejection.code} ${reply.rejection.message}`.trimEnd();
    case "publish-rejected":
      return `refused by the broker: ${reply.reason}`;
    case "malformed":
      return `the answer is not understood: ${reply.problem}`;
    case "offline":
      return "the connection was lost before the answer";
    case "timeout":
      return "no answer in time";
    case "busy":
      return "too many requests wait for an answer";
    case "too-large":
      return "longer than the broker takes";
    case "aborted":
    case "accepted":
      return reply.kind;
  }
}

function placeOf({ topic, answers }: ServiceRequest<unknown>): Pick<Pending, "accepted" | "rejected"> {
  return answers ?? { accepted: `${topic}/accepted`, rejected: `${topic}/rejected` };
}

/** Whose answer this is. A token that was asked for must come back; the services leave it out only of a rejection they could not read. */
function owner(candidates: readonly Pending[], body: unknown): Pending | undefined {
  const token = tokenOf(body);
  return candidates.find((candidate) => candidate.token === undefined || candidate.token === token);
}

function tokenOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("clientToken" in body)) return undefined;
  return typeof body.clientToken === "string" ? body.clientToken : undefined;
}

function failureOf(outcome: PublishOutcome): Exclude<Reply<never>, { kind: "accepted" }> | undefined {
  switch (outcome.kind) {
    case "acked":
      return undefined;
    case "rejected":
      return { kind: "publish-rejected", reason: outcome.reason };
    case "offline":
    case "too-large":
      return { kind: outcome.kind };
  }
}
