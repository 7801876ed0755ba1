import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type {
  Broker,
  BrokerLimits,
  ConnectionEnding,
  CredentialSwitch,
  InboundCounters,
  LinkCredential,
  LinkState,
  LinkStatus,
  Publication,
  PublishOutcome,
  ReceivedPublish,
} from "../../../agent/ports/broker.ts";
import { unsendable } from "../../../drivers/aws/messages/publish-outcome.ts";
import { matchesFilter } from "../../../drivers/aws/messages/topic-filter.ts";

/** One publish as the fake saw it. Without an answer it waits for `settle` or the loss of the link. */
export type Sent = { readonly publication: Publication; settle(outcome: PublishOutcome): void };

/** How a `FakeBroker` starts. `answer` decides about each publish; undefined leaves it open. All are acknowledged when absent. */
export type FakeBrokerParts = {
  readonly clock: Clock;
  readonly limits?: Partial<BrokerLimits>;
  readonly answer?: (publication: Publication) => PublishOutcome | undefined;
  /** Whether a filter is granted; all are when absent. */
  readonly grants?: (filter: string) => boolean;
  /** Why a credential is refused, or undefined; all are taken when absent. */
  readonly refuses?: (credential: LinkCredential) => LinkStatus["fault"];
};

type Waiter = { readonly after: number; settle(limits: BrokerLimits | undefined): void };

/** Properties of a message that has none. */
const PLAIN = {
  contentType: undefined,
  responseTopic: undefined,
  correlationData: undefined,
  messageExpirySeconds: undefined,
  userProperties: [],
} as const;

const AWS_LIMITS: BrokerLimits = {
  receiveMaximum: 100,
  maximumPacketBytes: 149_504,
  topicAliasMaximum: 8,
  retainAvailable: true,
};

/** A broker in memory whose link the test takes away and gives back. It delivers to its own subscriptions, as a broker would. */
export class FakeBroker implements Broker {
  readonly sent: Sent[] = [];
  answer: (publication: Publication) => PublishOutcome | undefined;
  refuses: (credential: LinkCredential) => LinkStatus["fault"];
  /** Credentials that were taken, in order. */
  readonly credentials: LinkCredential[] = [];
  readonly #clock: Clock;
  readonly #limits: BrokerLimits;
  readonly #grants: (filter: string) => boolean;
  readonly #handlers = new Map<string, (message: ReceivedPublish) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #open = new Set<(outcome: PublishOutcome) => void>();
  readonly #inbound = { taken: 0, discarded: 0, failed: 0, setAside: 0, waiting: 0 };
  #state: LinkState = "offline";
  #fault: LinkStatus["fault"];
  #connects = 0;
  #isReachable = true;
  #isStarted = false;
  #isStopped = false;
  #isPaused = false;

  constructor(parts: FakeBrokerParts) {
    const { clock, limits = {}, answer = () => ({ kind: "acked" }), grants = () => true } = parts;
    this.refuses = parts.refuses ?? (() => undefined);
    this.#clock = clock;
    this.#limits = { ...AWS_LIMITS, ...limits };
    this.answer = answer;
    this.#grants = grants;
  }

  /** Publications in the order in which they were made, refused ones included. */
  get publications(): readonly Publication[] {
    return this.sent.map(({ publication }) => publication);
  }

  /** Publishes without an outcome. */
  get openCount(): number {
    return this.#open.size;
  }

  connectAhead(): Promise<void> {
    if (!this.#isStarted) this.#state = "connecting";
    return Promise.resolve();
  }

  start(): void {
    this.#isStarted = true;
    if (this.#isPaused) return;
    if (this.#isReachable) this.connect();
    else this.#state = "connecting";
  }

  status(): LinkStatus {
    const limits = this.#state === "online" ? this.#limits : undefined;
    const paused = this.#isPaused ? ({ isPaused: true } as const) : {};
    return { state: this.#state, sinceMs: 0, fault: this.#fault, connects: this.#connects, limits, ...paused };
  }

  inbound(): InboundCounters {
    return this.#inbound;
  }

  online(signal: AbortSignal, after = 0): Promise<BrokerLimits | undefined> {
    if (signal.aborted || this.#isStopped) return Promise.resolve(undefined);
    if (this.#state === "online" && this.#connects > after) return Promise.resolve(this.#limits);
    return new Promise((resolve) => {
      const waiter = {
        after,
        settle: (limits: BrokerLimits | undefined): void => {
          this.#waiters.delete(waiter);
          resolve(limits);
        },
      };
      signal.addEventListener("abort", () => waiter.settle(undefined), { once: true });
      this.#waiters.add(waiter);
    });
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    if (this.#state !== "online") return Promise.resolve({ kind: "offline" });
    const rejection = unsendable(publication, this.#limits);
    if (rejection !== undefined) return Promise.resolve(rejection);
    return new Promise((resolve) => {
      const settle = (outcome: PublishOutcome): void => {
        if (this.#open.delete(settle)) resolve(outcome);
      };
      this.#open.add(settle);
      this.sent.push({ publication, settle });
      const outcome = this.answer(publication);
      if (outcome === undefined) return;
      if (outcome.kind === "acked") this.#deliver(publication);
      settle(outcome);
    });
  }

  subscribe(filter: string, handler: (message: ReceivedPublish) => void): Promise<void> {
    if (this.#state === "online" && !this.#grants(filter)) {
      const what = `the broker refused the subscription to ${filter}: 0x87 not authorized`;
      return Promise.reject(new AgentError("broker.refused", { what, remedy: "allow it" }));
    }
    this.#handlers.set(filter, handler);
    return Promise.resolve();
  }

  async switchCredential(credential: LinkCredential): Promise<CredentialSwitch> {
    if (this.#isPaused) return { kind: "kept", fault: unreachable("paused") };
    const fault = this.refuses(credential) ?? (this.#isReachable ? undefined : unreachable("away"));
    this.#lose(undefined);
    // The outcome of what was under way comes before the next connection.
    await Promise.resolve();
    if (this.#isReachable) this.connect();
    if (fault !== undefined) return { kind: "kept", fault };
    this.credentials.push(credential);
    return { kind: "moved" };
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.#lose(undefined);
    for (const waiter of this.#waiters) waiter.settle(undefined);
    return Promise.resolve();
  }

  retryNow(): void {
    if (this.#isReachable) this.connect();
  }

  /** As it was told last. */
  keepAliveSeconds: number | undefined;

  keepAlive(seconds: number): void {
    const isOther = seconds !== this.keepAliveSeconds;
    this.keepAliveSeconds = seconds;
    if (!isOther || this.#state !== "online") return;
    this.#lose(undefined);
    if (this.#isReachable) this.connect();
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    this.#lose(undefined);
    // What was under way has its outcome before the pause is one.
    await Promise.resolve();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#state === "online") this.#lose(undefined);
    if (this.#isReachable) this.connect();
  }

  /** The link comes up. */
  connect(): void {
    this.#isReachable = true;
    if (!this.#isStarted || this.#isStopped || this.#isPaused || this.#state === "online") return;
    this.#state = "online";
    this.#fault = undefined;
    this.#connects += 1;
    for (const waiter of this.#waiters) if (this.#connects > waiter.after) waiter.settle(this.#limits);
  }

  /** The link goes down, `ended` by the broker where given; what has no outcome becomes "offline". */
  disconnect(ended?: Omit<ConnectionEnding, "unanswered">): void {
    this.#isReachable = false;
    this.#lose(unreachable(`lost at ${this.#clock.monotonicMs()}`), ended);
  }

  /** Somebody else publishes. */
  inject(topic: string, payload: Uint8Array, properties: Partial<ReceivedPublish> = {}): void {
    if (this.#state !== "online") return;
    const message = { ...PLAIN, topic, payload, ...properties };
    for (const [filter, handler] of this.#handlers) {
      if (this.#grants(filter) && matchesFilter(filter, topic)) this.#handOver(message, handler);
    }
  }

  #handOver(message: ReceivedPublish, handler: (message: ReceivedPublish) => void): void {
    try {
      handler(message);
      this.#inbound.taken += 1;
    } catch {
      // As the port promises: it costs the message.
      this.#inbound.failed += 1;
    }
  }

  #lose(fault: LinkStatus["fault"], ended?: Omit<ConnectionEnding, "unanswered">): void {
    this.#state = "offline";
    this.#fault = fault;
    const unanswered = this.#open.size;
    const outcome: PublishOutcome =
      ended === undefined ? { kind: "offline" } : { kind: "offline", ended: { ...ended, unanswered } };
    for (const settle of this.#open) settle(outcome);
  }

  #deliver({ topic, payload, userProperties, contentType, responseTopic, correlationData }: Publication): void {
    for (const [filter, handler] of this.#handlers) {
      if (!matchesFilter(filter, topic)) continue;
      const message = { ...PLAIN, topic, payload, userProperties, contentType, responseTopic, correlationData };
      this.#handOver(message, handler);
    }
  }
}

function unreachable(what: string): NonNullable<LinkStatus["fault"]> {
  return { code: "broker.unreachable", what, remedy: "none" };
}
