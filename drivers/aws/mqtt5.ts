import type { Mqtt5Client } from "aws-crt/dist/native/mqtt5.js";
import type { Clock } from "../../agent/core/clock.ts";
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
import { Connector, factsOf, type SessionSettings } from "./connector.ts";
import { CredentialInUse } from "./identity/credential-in-use.ts";
import type { TlsIdentity } from "./identity/tls.ts";
import { createPace } from "./link/connect-pace.ts";
import { subscriptionRefused } from "./link/link-faults.ts";
import { type LinkFaultListener, LinkTracker } from "./link/link-tracker.ts";
import { NoDelay, type SetNoDelay } from "./link/no-delay.ts";
import { createInbox, type Inbox } from "./messages/inbox.ts";
import { Subscriptions } from "./messages/subscriptions.ts";

/** The device's identity and the way to the broker. */
export type BrokerParts = {
  readonly identity: TlsIdentity;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** What the next process is to know, of messages in hand and the last CONNECT, is kept in this folder, which is there; nowhere when absent. */
  readonly keep?: { readonly folder: string; readonly version: string };
  /** Told of each fault of the link, also of one as before, with the reason code of the broker's DISCONNECT. */
  readonly onFault?: LinkFaultListener | undefined;
  /** By what small segments go at once; they wait for acknowledgements where it is absent. */
  readonly setNoDelay?: SetNoDelay;
};

/**
 * The Broker port over the AWS IoT device SDK.
 *
 * Each attempt to connect has a client object of its own, so that the waits between them are ours (`ConnectPace`) and nothing that was
 * sent on an earlier connection is sent again but by whoever published it. A fault with retry "slow" waits five minutes, "never" waits
 * for a person, and another client with our name a while that grows; all leave the process running with the fault in the status.
 * Nothing here waits for the TPM on the calling thread, see `TlsIdentity.openContext`.
 */
export function createBroker(settings: SessionSettings, parts: BrokerParts): Broker {
  return new Mqtt5Broker(settings, parts);
}

class Mqtt5Broker implements Broker {
  readonly #clock: Clock;
  readonly #link: LinkTracker;
  readonly #subscriptions: Subscriptions;
  readonly #inbox: Inbox;
  readonly #noDelay: NoDelay | undefined;
  readonly #connector: Connector;
  readonly #stopping = new AbortController();
  #isStarted = false;

  constructor(settings: SessionSettings, parts: BrokerParts) {
    const { identity, proxy, clock, log, keep, setNoDelay } = parts;
    const { config, connectGapMs, once: decisive = false } = settings;
    this.#clock = clock;
    this.#link = new LinkTracker(clock, log, parts.onFault);
    this.#subscriptions = new Subscriptions(log);
    this.#inbox = createInbox({ config, clock, log, keep }, (message) => this.#subscriptions.dispatch(message));
    const isConnecting = (): boolean => this.#link.state === "connecting";
    const port = proxy?.port ?? config.port;
    this.#noDelay = setNoDelay === undefined ? undefined : new NoDelay({ setNoDelay, port, isConnecting, clock });
    this.#connector = new Connector({
      settings,
      link: this.#link,
      pace: createPace({ config, connectGapMs, clock, log, keep }, Math.random),
      credential: new CredentialInUse({ identity, facts: factsOf(settings), proxy, decisive, clock }),
      listener: {
        onAttempt: () => this.#noDelay?.watchAttempt(),
        onConnected: (client, isRejoined) => this.#onConnected(client, isRejoined),
        onMessage: (packet, acknowledge) => this.#inbox.take(packet, acknowledge),
      },
      clock,
      log,
      stopping: this.#stopping.signal,
    });
  }

  connectAhead(): Promise<void> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#connector.startAhead();
    }
    return new Promise((resolve) => setImmediate(resolve));
  }

  start(): void {
    if (this.#isStarted) {
      this.#connector.use();
    } else {
      this.#isStarted = true;
      this.#connector.start();
    }
    this.#inbox.open();
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
    return this.#connector.publish(publication);
  }

  async subscribe(filter: string, handler: (message: ReceivedPublish) => void): Promise<void> {
    this.#subscriptions.add(filter, handler);
    const { client } = this.#connector;
    if (client === undefined) return;
    const rejection = await this.#subscriptions.request(client, filter);
    if (rejection === undefined) {
      void this.#subscribeMissing(client);
      return;
    }
    this.#subscriptions.remove(filter);
    throw subscriptionRefused(rejection);
  }

  switchCredential(credential: LinkCredential, withinMs: number): Promise<CredentialSwitch> {
    return this.#connector.switchCredential(credential, withinMs);
  }

  retryNow(): void {
    if (this.#isStarted) this.#connector.retryNow();
  }

  keepAlive(seconds: number): void {
    void this.#connector.keepAlive(seconds);
  }

  pause(withinMs: number): Promise<void> {
    return this.#connector.pause(withinMs);
  }

  resume(): void {
    this.#connector.resume(this.#isStarted);
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#noDelay?.end();
      this.#inbox.close();
    }
    const gone = this.#connector.stop();
    this.#link.close();
    await gone;
  }

  #onConnected(client: Mqtt5Client, isRejoined: boolean): void {
    this.#noDelay?.noteConnected();
    if (!isRejoined) this.#subscriptions.forgetGrants();
    void this.#subscribeMissing(client);
  }

  async #subscribeMissing(client: Mqtt5Client): Promise<void> {
    const { signal } = this.#stopping;
    const isOver = (): boolean => signal.aborted || this.#connector.client !== client;
    await this.#subscriptions.complete(client, (ms) => this.#clock.sleep(ms, signal), isOver);
  }
}
