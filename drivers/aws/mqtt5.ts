import type { HttpProxyOptions } from "aws-crt/dist/native/http.js";
import type { ClientTlsContext } from "aws-crt/dist/native/io.js";
import { type Mqtt5Client, QoS } from "aws-crt/dist/native/mqtt5.js";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, FAULTS } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type {
  Broker,
  BrokerLimits,
  CredentialSwitch,
  InboundCounters,
  LinkCredential,
  LinkStatus,
  Publication,
  PublishOutcome,
  ReceivedPublish,
} from "../../agent/ports/broker.ts";
import type { HttpProxy } from "../../agent/ports/http-proxy.ts";
import type { BrokerConfig } from "../../config/schema.ts";
import { type ClientEvents, createClient, limitsOf, listen, release, tunnelThrough } from "./client.ts";
import type { ConnectFailure } from "./connect-failure.ts";
import { type ConnectPace, createPace } from "./connect-pace.ts";
import { Diagnosis } from "./diagnosis.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { LinkTracker } from "./link.ts";
import {
  asLinkFault,
  connectionLost,
  type LinkFacts,
  type LinkFault,
  notTakenInTime,
  qos1Unsupported,
  receiveOverrun,
  sessionContested,
  sessionStopped,
  subscriptionRefused,
} from "./link-faults.ts";
import { deliver, OFFLINE, offlineAfter, unsendable } from "./publish-outcome.ts";
import { SessionTakeovers } from "./session-takeovers.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { TlsIdentity } from "./tls.ts";

/** How long `stop` waits for the goodbye to the broker, ms. */
const STOP_MS = 2000;
/** An attempt to connect that is younger is not given up for another one, ms. */
const YOUNG_ATTEMPT_MS = 2000;
/** CONNACK (MQTT 5.0, 3.2.2.2). */
const RETAIN_NOT_SUPPORTED = 0x9a;

/** What the MQTT session is made of. The client id is usually the thing name; `will` is left with the broker at every connect. */
export type BrokerParts = {
  readonly config: BrokerConfig;
  readonly clientId: string;
  readonly will: Publication | undefined;
  readonly identity: TlsIdentity;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends after the first attempt that fails, with the fault in the status: for a test of the connection. */
  readonly once?: boolean;
  /** What the next process is to know, of messages in hand and the last CONNECT, is kept in this folder, which is there; nowhere when absent. */
  readonly keep?: { readonly folder: string; readonly version: string };
  /** Least time between two CONNECT, ms; tests have no second to wait. */
  readonly connectGapMs?: number;
};

/**
 * The Broker port over the AWS IoT device SDK.
 *
 * Each attempt to connect has a client object of its own, so that the waits between them are ours (`ConnectPace`) and nothing that was
 * sent on an earlier connection is sent again but by whoever published it. A fault with retry "slow" waits five minutes, "never" waits
 * for a person, and another client with our name a while that grows; all leave the process running with the fault in the status.
 * Nothing here waits for the TPM on the calling thread, see `TlsIdentity.openContext`.
 */
export function createBroker(parts: BrokerParts): Broker {
  return new Mqtt5Broker(parts);
}

class Mqtt5Broker implements Broker {
  readonly #parts: BrokerParts;
  readonly #facts: LinkFacts;
  readonly #link: LinkTracker;
  readonly #subscriptions: Subscriptions;
  readonly #inbox: Inbox;
  readonly #takeovers = new SessionTakeovers();
  readonly #pace: ConnectPace;
  readonly #stopping = new AbortController();
  /** Publications of the present connection without their acknowledgement. */
  readonly #pending = new Set<(outcome: PublishOutcome) => void>();
  #identity: TlsIdentity;
  /** Of `#identity`; made anew after a fault that has to do with it. */
  #context: ClientTlsContext | undefined;
  /** As it was found open; undefined where there is no proxy. */
  #tunnel: HttpProxyOptions | undefined;
  #will: Publication | undefined;
  #diagnosis: Diagnosis;
  /** Hears how the first attempt with another identity ends, instead of what usually follows from it. */
  #trial: ((fault: LinkFault | undefined) => void) | undefined;
  /** From the end of one identity's connection to the verdict on the other; nobody else may connect then. */
  #isMoving = false;
  /** Counts the plans to begin again; an older plan than the last one is dropped. */
  #plan = 0;
  #client: Mqtt5Client | undefined;
  #closing: Promise<void> = Promise.resolve();
  #isStarted = false;

  constructor(parts: BrokerParts) {
    const { config, clientId, will, identity, clock, log } = parts;
    this.#parts = parts;
    this.#facts = { host: config.host, port: config.port, clientId, connectTimeoutMs: config.connectTimeoutMs };
    this.#link = new LinkTracker(clock, log);
    this.#identity = identity;
    this.#will = will;
    this.#pace = createPace(parts, Math.random);
    this.#diagnosis = this.#diagnosisOf(identity, parts.once === true);
    this.#subscriptions = new Subscriptions(log);
    this.#inbox = createInbox(parts, (message) => this.#subscriptions.dispatch(message));
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#link.move("connecting");
    this.#beginAfter(this.#pace.soonestMs());
  }

  status(): LinkStatus {
    return this.#link.status();
  }

  inbound(): InboundCounters {
    return this.#inbox.counters();
  }

  online(signal: AbortSignal, after = 0): Promise<BrokerLimits | undefined> {
    return this.#link.online(signal, after);
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const client = this.#client;
    const { limits } = this.#link;
    if (client === undefined || limits === undefined) return Promise.resolve(OFFLINE);
    const refusal = unsendable(publication, limits);
    if (refusal !== undefined) return Promise.resolve(refusal);
    return new Promise((resolve) => {
      const settle = (outcome: PublishOutcome): void => {
        if (this.#pending.delete(settle)) resolve(outcome);
      };
      this.#pending.add(settle);
      void deliver(client, publication).then((outcome) => {
        if (this.#client === client && outcome.kind === "refused") this.#takeovers.noteRefusal();
        settle(outcome);
      });
    });
  }

  async subscribe(filter: string, handler: (message: ReceivedPublish) => void): Promise<void> {
    this.#subscriptions.add(filter, handler);
    const client = this.#client;
    if (client === undefined || this.#link.state !== "online") return;
    const refusal = await this.#subscriptions.request(client, filter);
    if (refusal === undefined) {
      void this.#subscribeMissing(client);
      return;
    }
    this.#subscriptions.remove(filter);
    throw subscriptionRefused(refusal);
  }

  async switchCredential(credential: LinkCredential, withinMs: number): Promise<CredentialSwitch> {
    const before = this.#identity;
    const other = before.with(credential);
    let context: ClientTlsContext;
    try {
      this.#tunnel = await tunnelThrough(this.#parts.proxy, this.#facts, this.#stopping.signal);
      context = await other.openContext(this.#stopping.signal);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      return { kind: "kept", fault: asLinkFault(thrown) };
    }
    this.#isMoving = true;
    try {
      await this.#close();
      if (this.#stopping.signal.aborted) return { kind: "kept", fault: sessionStopped(this.#facts) };
      const fault = await this.#attempt(other, context, withinMs);
      if (fault === undefined) return { kind: "moved" };
      await this.#close();
      this.#assume(before, undefined);
      this.#beginAfter(this.#pace.soonestMs());
      return { kind: "kept", fault };
    } finally {
      this.#isMoving = false;
    }
  }

  retryNow(): void {
    if (!this.#isStarted || this.#stopping.signal.aborted || this.#isMoving) return;
    const { state, sinceMs } = this.#link.status();
    // A young attempt is as good as a new one, and could be ended again and again.
    if (state === "online" || (state === "connecting" && sinceMs < YOUNG_ATTEMPT_MS)) return;
    this.#drop();
    this.#context = undefined;
    this.#pace.reset();
    this.#beginAfter(this.#pace.soonestMs());
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#drop();
      this.#link.close();
      this.#inbox.close();
    }
    await this.#closed();
  }

  /** Lets go of the connection in order, and of every plan to make one. */
  async #close(): Promise<void> {
    this.#plan += 1;
    this.#drop();
    this.#link.move("offline");
    await this.#closed();
  }

  async #closed(): Promise<void> {
    const done = new AbortController();
    await Promise.race([this.#closing, this.#parts.clock.sleep(STOP_MS, done.signal)]);
    done.abort();
  }

  /** One connection with another identity. Gives the fault when it was refused or is not there in time. */
  async #attempt(identity: TlsIdentity, context: ClientTlsContext, withinMs: number): Promise<LinkFault | undefined> {
    this.#assume(identity, context);
    await this.#parts.clock.sleep(this.#pace.soonestMs(), this.#stopping.signal);
    if (this.#stopping.signal.aborted) return sessionStopped(this.#facts);
    const { promise, resolve } = Promise.withResolvers<LinkFault | undefined>();
    const done = new AbortController();
    this.#trial = resolve;
    this.#connect(context);
    void this.#parts.clock.sleep(withinMs, done.signal).then(() => resolve(notTakenInTime(this.#facts, withinMs)));
    this.#stopping.signal.addEventListener("abort", () => resolve(sessionStopped(this.#facts)), {
      signal: done.signal,
    });
    const fault = await promise;
    this.#trial = undefined;
    done.abort();
    // The first attempt is over: what follows is judged like any other connection.
    if (fault === undefined) {
      this.#diagnosis = this.#diagnosisOf(identity, false);
      this.#diagnosis.noteSuccess();
    }
    return fault;
  }

  /** `context`: of an identity that is tried, whose first failure decides; undefined for one that was in use. */
  #assume(identity: TlsIdentity, context: ClientTlsContext | undefined): void {
    this.#diagnosis.endAttempt();
    this.#identity = identity;
    this.#context = context;
    this.#diagnosis = this.#diagnosisOf(identity, context !== undefined);
  }

  #diagnosisOf(identity: TlsIdentity, decisive: boolean): Diagnosis {
    const { proxy, clock } = this.#parts;
    return new Diagnosis({ facts: this.#facts, proxy, identity, decisive, clock });
  }

  /** Makes the context where there is none, unless another plan comes before it is there, and connects with it. */
  async #open(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const plan = ++this.#plan;
    const isWanted = (): boolean => plan === this.#plan && !signal.aborted;
    this.#link.move("connecting");
    try {
      this.#tunnel = await tunnelThrough(this.#parts.proxy, this.#facts, signal);
      const context = this.#context ?? (await this.#identity.openContext(signal));
      if (!isWanted()) return;
      this.#context = context;
      this.#connect(context);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (isWanted()) this.#settle(asLinkFault(thrown));
    }
  }

  #connect(tlsContext: ClientTlsContext): void {
    const { config, clientId } = this.#parts;
    this.#link.move("connecting");
    const client = createClient({ config, clientId, will: this.#will, tlsContext, tunnel: this.#tunnel });
    listen(client, this.#eventsOf(client));
    this.#client = client;
    client.start();
  }

  #eventsOf(client: Mqtt5Client): ClientEvents {
    const isCurrent = (): boolean => this.#client === client;
    return {
      isWanted: isCurrent,
      onAttempt: () => {
        this.#diagnosis.watchAttempt((fault, isOver) => {
          if (!isCurrent() || this.#link.state !== "connecting") return;
          if (isOver) this.#settle(fault);
          else this.#link.blame(fault);
        });
      },
      onConnected: (settings) => this.#onConnected(client, settings),
      onFailed: (failure) => void this.#onFailed(failure),
      onLost: (errorName, disconnect) => this.#onDisconnected(errorName, disconnect),
      onMessage: (packet, acknowledge) => {
        if (!this.#inbox.take(packet, acknowledge)) this.#settle(receiveOverrun(this.#facts));
      },
      onError: (what) => this.#parts.log.error("broker.client-failed", { what }),
    };
  }

  #onConnected(client: Mqtt5Client, settings: mqtt5.NegotiatedSettings): void {
    this.#pace.noteConnect();
    this.#diagnosis.noteSuccess();
    if (settings.maximumQos < QoS.AtLeastOnce) {
      this.#settle(qos1Unsupported(this.#facts));
      return;
    }
    if (!settings.rejoinedSession) this.#subscriptions.forgetGrants();
    this.#link.connected(limitsOf(settings, this.#parts.config), settings.rejoinedSession);
    void this.#subscribeMissing(client);
    this.#trial?.(undefined);
  }

  async #onFailed(failure: ConnectFailure): Promise<void> {
    this.#drop();
    const plan = ++this.#plan;
    this.#link.move("offline");
    if (failure.connack?.reasonCode === RETAIN_NOT_SUPPORTED && this.#will?.retain === true) {
      this.#parts.log.warn("link.will-not-retained", { topic: this.#will.topic });
      this.#will = { ...this.#will, retain: false };
      this.#beginAfter(this.#pace.soonestMs());
      return;
    }
    const fault = await this.#diagnosis.explain(failure);
    if (plan === this.#plan && !this.#stopping.signal.aborted) this.#settle(fault);
  }

  #onDisconnected(errorName: string, disconnect: mqtt5.DisconnectPacket | undefined): void {
    const { sinceMs: livedMs } = this.#link.status();
    const end = { errorName, reasonCode: disconnect?.reasonCode, livedMs, unacknowledged: this.#pending.size };
    const givenWayMs = this.#takeovers.noteEnd(end, Math.random);
    this.#pace.noteEnd(livedMs);
    this.#drop(offlineAfter(disconnect, this.#pending.size));
    this.#link.move("offline");
    const lost = connectionLost(errorName, disconnect, this.#facts);
    this.#link.blame(this.#takeovers.isContested ? sessionContested(lost, this.#facts) : lost);
    if (this.#parts.once !== true) this.#beginAfter(Math.max(givenWayMs, this.#pace.nextMs()));
  }

  async #subscribeMissing(client: Mqtt5Client): Promise<void> {
    const { signal } = this.#stopping;
    const { connects } = this.#link;
    const isOver = (): boolean => signal.aborted || this.#link.state !== "online" || this.#link.connects !== connects;
    await this.#subscriptions.complete(client, (ms) => this.#parts.clock.sleep(ms, signal), isOver);
  }

  /** Acts on a fault that keeps the link down: tries again after a while, or gives up. */
  #settle(fault: LinkFault): void {
    if (this.#trial !== undefined) {
      this.#trial(fault);
      return;
    }
    this.#drop();
    this.#link.move("offline");
    this.#link.blame(fault);
    const { retry } = FAULTS[fault.code];
    const { once = false, config } = this.#parts;
    const isOurs = fault.code.startsWith("identity.");
    if (isOurs || retry !== "backoff") this.#context = undefined;
    if (once || retry === "never") return;
    this.#beginAfter(retry === "slow" ? this.#pace.slowMs() : this.#pace.nextMs(isOurs ? config.reconnect.minMs : 0));
  }

  #beginAfter(waitMs: number): void {
    const plan = ++this.#plan;
    void this.#parts.clock.sleep(waitMs, this.#stopping.signal).then(() => {
      if (plan === this.#plan) void this.#open();
    });
  }

  /** Lets go of the client, and of what was published with it. */
  #drop(outcome: PublishOutcome = OFFLINE): void {
    const client = this.#client;
    this.#client = undefined;
    this.#diagnosis.endAttempt();
    for (const settle of this.#pending) settle(outcome);
    if (client === undefined) return;
    if (this.#link.state === "connecting") this.#pace.noteConnect();
    this.#closing = release(client);
  }
}
