import type { ClientTlsContext } from "aws-crt/dist/native/io.js";
import { DisconnectReasonCode, type Mqtt5Client } from "aws-crt/dist/native/mqtt5.js";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import { fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, FAULTS, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type {
  Broker,
  BrokerLimits,
  Inbound,
  InboundCounters,
  LinkCredential,
  LinkStatus,
  Publication,
  PublishOutcome,
  Reidentification,
} from "../../agent/ports.ts";
import type { BrokerConfig } from "../../config/schema.ts";
import { createClient, limitsOf, packetOf } from "./client.ts";
import { Diagnosis } from "./diagnosis.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { Link } from "./link.ts";
import {
  connectionLost,
  type LinkFacts,
  type LinkFault,
  notTakenInTime,
  sessionContested,
  sessionStopped,
} from "./link-faults.ts";
import { OFFLINE, outcomeOfError, outcomeOfPuback, unsendable } from "./publish-outcome.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Takeovers } from "./takeovers.ts";
import type { TlsIdentity } from "./tls.ts";

/** Least wait before trying again after a fault with retry "slow", ms; up to a fifth more is added at random. */
const SLOW_RETRY_MS = 300_000;
/** How long `stop` waits for the goodbye to the broker, ms. */
const STOP_MS = 2000;
/** Wait before a SUBSCRIBE that got no answer is sent again, ms. */
const SUBSCRIBE_RETRY_MS = 5000;

/** What the MQTT session is made of. The client id is usually the thing name; `will` is left with the broker at every connect. */
export type BrokerParts = {
  readonly config: BrokerConfig;
  readonly clientId: string;
  readonly will: Publication | undefined;
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends after the first attempt that fails, with the fault in the status: for a test of the connection. */
  readonly once?: boolean;
  /** Where is remembered which messages were in hand when a process ended; nowhere when absent. */
  readonly noteFile?: string;
};

/**
 * The Broker port over the AWS IoT device SDK.
 *
 * The SDK connects again by itself as long as waiting can help. A fault with retry "slow" stops it for five minutes, "never" for
 * good, and another client with our name for a while that grows; all leave the process running with the fault in the status. Nothing here waits for the TPM on the calling thread, see
 * `TlsIdentity.openContext`.
 */
export function createBroker(parts: BrokerParts): Broker {
  return new Mqtt5Broker(parts);
}

class Mqtt5Broker implements Broker {
  readonly #parts: BrokerParts;
  readonly #facts: LinkFacts;
  readonly #link: Link;
  readonly #subscriptions: Subscriptions;
  readonly #inbox: Inbox;
  readonly #takeovers = new Takeovers();
  /** Publications of the present connection without their acknowledgement. */
  #unacknowledged = 0;
  readonly #stopping = new AbortController();
  readonly #pending = new Set<(outcome: PublishOutcome) => void>();
  #identity: TlsIdentity;
  #diagnosis: Diagnosis;
  /** Hears how the first attempt with another identity ends, instead of what usually follows from it. */
  #trial: ((fault: LinkFault | undefined) => void) | undefined;
  /** Counts the plans to begin again; an older plan than the last one is dropped. */
  #plan = 0;
  #client: Mqtt5Client | undefined;
  #closing: Promise<void> = Promise.resolve();
  #identityFailures = 0;
  #isStarted = false;

  constructor(parts: BrokerParts) {
    const { config, clientId, identity, clock, log } = parts;
    this.#parts = parts;
    this.#facts = { host: config.host, port: config.port, clientId, connectTimeoutMs: config.connectTimeoutMs };
    this.#link = new Link(clock, log);
    this.#identity = identity;
    this.#diagnosis = this.#diagnosisOf(identity, parts.once === true);
    this.#subscriptions = new Subscriptions(log);
    this.#inbox = createInbox(parts, (message) => this.#subscriptions.dispatch(message));
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#link.move("connecting");
    setImmediate(() => this.#begin());
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
      this.#unacknowledged += 1;
      client.publish(packetOf(publication)).then(
        (puback) => {
          const outcome = outcomeOfPuback(puback);
          if (this.#client === client) {
            this.#unacknowledged -= 1;
            if (outcome.kind === "refused") this.#takeovers.noteRefusal();
          }
          settle(outcome);
        },
        (thrown: unknown) => settle(outcomeOfError(thrown)),
      );
    });
  }

  async subscribe(filter: string, handler: (message: Inbound) => void): Promise<void> {
    this.#subscriptions.add(filter, handler);
    const client = this.#client;
    if (client === undefined || this.#link.state !== "online") return;
    const refusal = await this.#subscriptions.request(client, filter);
    if (refusal === undefined) {
      void this.#subscribeMissing(client);
      return;
    }
    this.#subscriptions.remove(filter);
    throw new AgentError("broker.refused", {
      what: `the broker refused the subscription to ${filter}: ${refusal.reason}`,
      remedy: "let the broker's policy allow this thing to subscribe to the filter and to receive its topics",
    });
  }

  async reidentify(credential: LinkCredential, withinMs: number): Promise<Reidentification> {
    const before = this.#identity;
    const other = before.with(credential);
    let context: ClientTlsContext;
    try {
      context = await other.openContext(this.#stopping.signal);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      return { kind: "kept", fault: faultOf(thrown) };
    }
    await this.#close();
    if (this.#stopping.signal.aborted) return { kind: "kept", fault: sessionStopped(this.#facts) };
    const fault = await this.#attempt(other, context, withinMs);
    if (fault === undefined) return { kind: "moved" };
    await this.#close();
    this.#assume(before, false);
    this.#begin();
    return { kind: "kept", fault };
  }

  retryNow(): void {
    if (this.#link.state === "online" || this.#trial !== undefined || this.#stopping.signal.aborted) return;
    this.#plan += 1;
    this.#identityFailures = 0;
    this.#drop();
    this.#begin();
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
    this.#assume(identity, true);
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

  #assume(identity: TlsIdentity, isDecisive: boolean): void {
    this.#diagnosis.endAttempt();
    this.#identity = identity;
    this.#diagnosis = this.#diagnosisOf(identity, isDecisive);
  }

  #diagnosisOf(identity: TlsIdentity, decisive: boolean): Diagnosis {
    return new Diagnosis({ facts: this.#facts, identity, decisive, clock: this.#parts.clock });
  }

  #begin(): void {
    void this.#open();
  }

  /** Makes the context, unless another plan comes before it is there, and connects with it. */
  async #open(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const plan = ++this.#plan;
    const isWanted = (): boolean => plan === this.#plan && !signal.aborted;
    this.#link.move("connecting");
    try {
      const context = await this.#identity.openContext(signal);
      if (isWanted()) this.#connect(context);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (isWanted()) this.#settle(faultOf(thrown));
    }
  }

  #connect(tlsContext: ClientTlsContext): void {
    const { config, clientId, will } = this.#parts;
    this.#link.move("connecting");
    const client = createClient({ config, clientId, will, tlsContext });
    this.#listen(client);
    this.#client = client;
    client.start();
  }

  /** Events of a client that has been dropped are not ours any more. */
  #listen(client: Mqtt5Client): void {
    const isCurrent = (): boolean => this.#client === client;
    client.on("attemptingConnect", () => {
      if (!isCurrent()) return;
      this.#link.move("connecting");
      this.#diagnosis.watchAttempt((fault) => {
        if (isCurrent() && this.#link.state === "connecting") this.#link.blame(fault);
      });
    });
    client.on("connectionSuccess", ({ settings }) => {
      if (isCurrent()) this.#onConnected(client, settings);
    });
    client.on("connectionFailure", ({ error, connack }) => {
      if (!isCurrent()) return;
      this.#link.move("offline");
      void this.#diagnosis.explain({ errorName: nameOf(error), connack }).then((fault) => {
        // The SDK goes on meanwhile: what the next attempt brought counts more.
        if (isCurrent() && this.#link.state !== "online") this.#settle(fault);
      });
    });
    client.on("disconnection", ({ error, disconnect }) => {
      if (isCurrent()) this.#onDisconnected(nameOf(error), disconnect);
    });
    client.on("messageReceived", ({ message, acknowledgementControl }) => {
      const handle = acknowledgementControl?.acquireHandle();
      if (!isCurrent()) return;
      this.#inbox.take(message, () => {
        if (isCurrent()) handle?.invokeAcknowledgement();
      });
    });
    client.on("error", (error) => {
      this.#parts.log.error("broker.client-failed", { what: messageOf(error) });
    });
  }

  #onConnected(client: Mqtt5Client, settings: mqtt5.NegotiatedSettings): void {
    this.#diagnosis.noteSuccess();
    this.#identityFailures = 0;
    this.#unacknowledged = 0;
    if (!settings.rejoinedSession) this.#subscriptions.forgetGrants();
    this.#link.connected(limitsOf(settings), settings.rejoinedSession);
    void this.#subscribeMissing(client);
    this.#trial?.(undefined);
  }

  #onDisconnected(errorName: string, disconnect: mqtt5.DisconnectPacket | undefined): void {
    const { sinceMs: livedMs } = this.#link.status();
    const end = { errorName, reasonCode: disconnect?.reasonCode, livedMs, unacknowledged: this.#unacknowledged };
    const waitMs = this.#takeovers.noteEnd(end, Math.random);
    this.#link.move("offline");
    const lost = connectionLost(errorName, disconnect, this.#facts);
    this.#link.blame(this.#takeovers.isContested ? sessionContested(lost, this.#facts) : lost);
    if (waitMs === 0) return;
    this.#drop();
    this.#beginAfter(waitMs);
  }

  async #subscribeMissing(client: Mqtt5Client): Promise<void> {
    const { connects } = this.#link;
    while (!(await this.#subscriptions.requestMissing(client))) {
      await this.#parts.clock.sleep(SUBSCRIBE_RETRY_MS, this.#stopping.signal);
      if (this.#stopping.signal.aborted || this.#link.state !== "online" || this.#link.connects !== connects) return;
    }
  }

  /** Acts on a fault that keeps the link down: leave the SDK to it, wait and make a new client, or give up. */
  #settle(fault: LinkFault): void {
    if (this.#trial !== undefined) {
      this.#trial(fault);
      return;
    }
    this.#link.blame(fault);
    const { retry } = FAULTS[fault.code];
    const isOurs = fault.code.startsWith("identity.");
    const { once = false } = this.#parts;
    if (!once && retry === "backoff" && !isOurs) return;
    this.#drop();
    this.#link.move("offline");
    if (once || retry === "never") return;
    this.#beginAfter(retry === "slow" ? SLOW_RETRY_MS * (1 + Math.random() / 5) : this.#identityBackoffMs());
  }

  #beginAfter(waitMs: number): void {
    const plan = ++this.#plan;
    void this.#parts.clock.sleep(waitMs, this.#stopping.signal).then(() => {
      if (plan === this.#plan) this.#begin();
    });
  }

  #identityBackoffMs(): number {
    const { minMs, maxMs } = this.#parts.config.reconnect;
    this.#identityFailures += 1;
    return minMs + fullJitterMs(this.#identityFailures - 1, { minMs, maxMs }, Math.random);
  }

  /** Lets go of the client: a clean DISCONNECT when it is connected, then its native memory once it says it has stopped. */
  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#diagnosis.endAttempt();
    for (const settle of this.#pending) settle(OFFLINE);
    if (client === undefined) return;
    this.#closing = new Promise((resolve) => {
      client.on("stopped", () => {
        client.close();
        resolve();
      });
      // Without a packet the SDK only closes the connection, and the broker would publish the will.
      client.stop({ reasonCode: DisconnectReasonCode.NormalDisconnection });
    });
  }
}

function faultOf({ code, message, remedy }: AgentError): LinkFault {
  return { code, what: message, remedy };
}

function nameOf(error: { readonly error_name?: string; readonly message?: string }): string {
  return error.error_name ?? error.message ?? "unknown error";
}
