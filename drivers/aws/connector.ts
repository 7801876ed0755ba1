import { type Mqtt5Client, QoS } from "aws-crt/dist/native/mqtt5.js";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, FAULTS } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { CredentialSwitch, LinkCredential, Publication, PublishOutcome } from "../../agent/ports/broker.ts";
import type { BrokerConfig } from "../../config/schema.ts";
import { type ClientEvents, createClient, limitsOf, listen, release } from "./client.ts";
import type { CredentialInUse, OpenCredential } from "./identity/credential-in-use.ts";
import { CredentialTrial } from "./identity/credential-trial.ts";
import type { ConnectFailure } from "./link/connect-failure.ts";
import type { ConnectPace } from "./link/connect-pace.ts";
import {
  asLinkFault,
  connectionLost,
  type LinkFacts,
  type LinkFault,
  qos1Unsupported,
  receiveOverrun,
  sessionContested,
  sessionPaused,
  sessionStopped,
} from "./link/link-faults.ts";
import type { LinkTracker } from "./link/link-tracker.ts";
import { ReconnectPlan } from "./link/reconnect-plan.ts";
import { SessionTakeovers } from "./link/session-takeovers.ts";
import { deliver, OFFLINE, offlineAfter, REFUSED_HERE, unsendable } from "./messages/publish-outcome.ts";
import { UnacknowledgedPublishes } from "./messages/unacknowledged-publishes.ts";

/** How long the goodbye to the broker is waited for, ms. */
const CLOSE_MS = 2000;
/** The same at the end of the process for an attempt, ms: the library lets go of one when its time is over, and there is nobody to say goodbye to. */
const CLOSE_ATTEMPT_MS = 300;
/** An attempt to connect that is younger is not given up for another one, ms. */
const YOUNG_ATTEMPT_MS = 2000;
/** How long TCP may take while the network may be on its way up, ms: a SYN that was lost then would be sent again after 1, 3 and 7 s. */
const EAGER_TCP_MS = 2000;
/** CONNACK (MQTT 5.0, 3.2.2.2). */
const RETAIN_NOT_SUPPORTED = 0x9a;

/** As whom to connect, and to what. The client id is usually the thing name; `will` is left with the broker at every connect. */
export type SessionSettings = {
  readonly config: BrokerConfig;
  readonly clientId: string;
  readonly will: Publication | undefined;
  /** Ends after the first attempt that fails, with the fault in the status: for a test of the connection. */
  readonly once?: boolean;
  /** Least time between two CONNECT, ms; tests have no second to wait. */
  readonly connectGapMs?: number;
};

/** Who hears of connections. */
export type ConnectionListener = {
  /** An attempt to connect begins. */
  onAttempt(): void;
  /** Before anything is published on it. `isRejoined`: the broker has kept the session. */
  onConnected(client: Mqtt5Client, isRejoined: boolean): void;
  /** Gives false when the message finds no room and must come again on the next connection. */
  onMessage(packet: mqtt5.PublishPacket, acknowledge: () => void): boolean;
};

/** What decides when and how to connect. Everything ends when `stopping` aborts. */
export type ConnectorParts = {
  readonly settings: SessionSettings;
  readonly link: LinkTracker;
  readonly pace: ConnectPace;
  readonly credential: CredentialInUse;
  readonly listener: ConnectionListener;
  readonly clock: Clock;
  readonly log: Log;
  readonly stopping: AbortSignal;
};

/** Keeps one connection at a time and makes the next when it ends; each has a client object of its own. */
export class Connector {
  readonly #parts: ConnectorParts;
  readonly #facts: LinkFacts;
  readonly #plan: ReconnectPlan;
  readonly #takeovers = new SessionTakeovers();
  readonly #unacknowledged = new UnacknowledgedPublishes();
  readonly #trial = new CredentialTrial();
  #will: Publication | undefined;
  #keepAliveSeconds: number;
  #client: Mqtt5Client | undefined;
  /** Of the client before; a goodbye where the broker had taken it. */
  #closing: Promise<void> = Promise.resolve();
  #isGoodbye = false;
  /** From the end of one credential's connection to the outcome of the other; nobody else may connect then. */
  #isSwitching = false;
  #isAhead = false;
  #madeAhead: { readonly client: Mqtt5Client; readonly settings: mqtt5.NegotiatedSettings } | undefined;

  constructor(parts: ConnectorParts) {
    const { settings, clock, stopping } = parts;
    this.#parts = parts;
    this.#facts = factsOf(settings);
    this.#plan = new ReconnectPlan(clock, stopping);
    this.#will = settings.will;
    this.#keepAliveSeconds = settings.config.keepAliveSeconds;
  }

  /** The client of the connection; undefined while not online. */
  get client(): Mqtt5Client | undefined {
    return this.#parts.link.state === "online" ? this.#client : undefined;
  }

  /** Connects, unless it is paused: then once it is resumed. */
  start(): void {
    const { link } = this.#parts;
    if (!link.isPaused) link.move("connecting");
    this.#begin();
  }

  /** Connects as `start`, but keeps the connection to itself until `use`. */
  startAhead(): void {
    this.#isAhead = true;
    this.start();
  }

  /** Lets everybody have the connection that was made ahead, or the one that comes. */
  use(): void {
    this.#isAhead = false;
    const made = this.#madeAhead;
    this.#madeAhead = undefined;
    if (made !== undefined && made.client === this.#client) this.#onConnected(made.client, made.settings);
  }

  /** Connects as soon as may be. */
  #begin(): void {
    this.#beginAfter(this.#parts.pace.soonestMs());
  }

  /** See `Broker.publish`. */
  publish(publication: Publication): Promise<PublishOutcome> {
    const { client } = this;
    const { limits } = this.#parts.link;
    if (client === undefined || limits === undefined) return Promise.resolve(OFFLINE);
    const rejection = unsendable(publication, limits);
    if (rejection !== undefined) return Promise.resolve(rejection);
    const outcome = deliver(client, publication).then((delivered) => {
      const isOfBroker = delivered.kind === "rejected" && delivered !== REFUSED_HERE;
      if (this.#client === client && isOfBroker) this.#takeovers.noteRejection();
      return delivered;
    });
    return this.#unacknowledged.track(outcome);
  }

  /** See `Broker.switchCredential`. */
  async switchCredential(credential: LinkCredential, withinMs: number): Promise<CredentialSwitch> {
    const { credential: inUse, link, stopping } = this.#parts;
    if (link.isPaused) return { kind: "kept", fault: sessionPaused(this.#facts) };
    const before = inUse.identity;
    const other = await orFault(inUse.open(stopping, before.with(credential)));
    if ("code" in other) return { kind: "kept", fault: other };
    this.#isSwitching = true;
    try {
      await this.#close();
      const fault = await this.#try(other, withinMs);
      if (fault === undefined) return { kind: "moved" };
      if (stopping.aborted) return { kind: "kept", fault };
      await this.#close();
      inUse.restore(before);
      this.#begin();
      return { kind: "kept", fault };
    } finally {
      this.#isSwitching = false;
    }
  }

  /** See `Broker.retryNow`. */
  retryNow(): void {
    const { link, pace, credential, stopping } = this.#parts;
    if (stopping.aborted || link.isPaused || this.#isSwitching) return;
    // A young attempt is as good as a new one, could be ended again and again, and to a broker that has its CONNECT the vehicle would be lost.
    const isYoung = link.state === "connecting" && link.attemptAgeMs() < YOUNG_ATTEMPT_MS;
    if (link.state === "online" || isYoung) return;
    this.#drop();
    credential.forgetContext();
    pace.reset();
    this.#begin();
  }

  /** See `Broker.keepAlive`. */
  async keepAlive(seconds: number): Promise<void> {
    const { link, stopping } = this.#parts;
    if (seconds === this.#keepAliveSeconds) return;
    this.#keepAliveSeconds = seconds;
    // Any other connection is made with it.
    if (stopping.aborted || link.state === "offline" || this.#isSwitching) return;
    await this.#close();
    // Somebody may have made or planned another while the old one went.
    const isMade = this.#client !== undefined || link.status().state !== "offline" || this.#isSwitching;
    if (!stopping.aborted && !isMade) this.#begin();
  }

  /** See `Broker.pause`. */
  async pause(withinMs: number): Promise<void> {
    const { link, stopping } = this.#parts;
    if (stopping.aborted) return;
    link.pause(true);
    this.#trial.end(sessionPaused(this.#facts));
    await this.#close(withinMs);
  }

  /** See `Broker.resume`. */
  resume(isStarted: boolean): void {
    const { link, pace, stopping } = this.#parts;
    if (stopping.aborted) return;
    link.pause(false);
    pace.beginEagerly();
    // A change of credential makes a connection of its own, whatever comes of it.
    if (!isStarted || this.#isSwitching) return;
    this.#drop();
    link.move("connecting");
    this.#begin();
  }

  /** Ends the connection in order; `stopping` has aborted. Waits, bounded, until it is gone. */
  async stop(): Promise<void> {
    this.#drop();
    await this.#closed();
  }

  /** Lets go of the connection in order, and of every plan to make one. */
  async #close(withinMs = CLOSE_MS): Promise<void> {
    this.#plan.renew();
    this.#drop();
    this.#parts.link.move("offline");
    await this.#closed(withinMs);
  }

  async #closed(withinMs = CLOSE_MS): Promise<void> {
    const done = new AbortController();
    const { clock, stopping } = this.#parts;
    const isAttempt = stopping.aborted && !this.#isGoodbye;
    const leastMs = isAttempt ? Math.min(withinMs, CLOSE_ATTEMPT_MS) : withinMs;
    await Promise.race([this.#closing, clock.sleep(leastMs, done.signal)]);
    done.abort();
  }

  /** One connection with another credential. Gives the fault when it was refused or is not there in time. */
  async #try(other: OpenCredential, withinMs: number): Promise<LinkFault | undefined> {
    const { credential, link, pace, clock, stopping } = this.#parts;
    if (stopping.aborted) return sessionStopped(this.#facts);
    credential.beginTrial(other);
    await clock.sleep(pace.soonestMs(), stopping);
    if (stopping.aborted) return sessionStopped(this.#facts);
    if (link.isPaused) return sessionPaused(this.#facts);
    const bounds = { withinMs, facts: this.#facts, clock };
    const fault = await this.#trial.run(() => this.#connect(other), bounds, stopping);
    if (fault === undefined) credential.endTrial();
    return fault;
  }

  #beginAfter(waitMs: number): void {
    if (this.#parts.link.isPaused) return;
    this.#plan.beginAfter(waitMs, () => void this.#open());
  }

  /** Connects with the credential in use, unless another plan comes before that is open. */
  async #open(): Promise<void> {
    const { link, credential, stopping } = this.#parts;
    const isWanted = this.#plan.renew();
    link.move("connecting");
    const opened = await orFault(credential.open(stopping));
    if (!isWanted()) return;
    if ("code" in opened) {
      this.#settle(opened);
      return;
    }
    credential.keep(opened);
    this.#connect(opened);
  }

  #connect({ context: tlsContext, tunnel }: OpenCredential): void {
    const { settings, link, pace } = this.#parts;
    const { clientId } = settings;
    const config = { ...settings.config, keepAliveSeconds: this.#keepAliveSeconds };
    if (this.#client !== undefined) this.#drop();
    link.move("connecting");
    const tcpTimeoutMs = pace.isEager ? Math.min(EAGER_TCP_MS, config.connectTimeoutMs) : config.connectTimeoutMs;
    const client = createClient({ config, clientId, will: this.#will, tlsContext, tunnel, tcpTimeoutMs });
    listen(client, this.#eventsOf(client));
    this.#client = client;
    client.start();
  }

  #eventsOf(client: Mqtt5Client): ClientEvents {
    const { link, pace, credential, listener, log } = this.#parts;
    const isCurrent = (): boolean => this.#client === client;
    return {
      isWanted: isCurrent,
      onAttempt: () => {
        listener.onAttempt();
        credential.diagnosis.watchAttempt((fault, isOver) => {
          if (!isCurrent() || link.state !== "connecting") return;
          if (isOver) this.#settle(fault);
          else link.blame(fault);
        });
      },
      onConnected: (settings) => {
        pace.noteConnect();
        credential.diagnosis.noteSuccess();
        if (this.#isAhead) this.#madeAhead = { client, settings };
        else this.#onConnected(client, settings);
      },
      onFailed: (failure) => void this.#onFailed(failure),
      onLost: (errorName, disconnect) => this.#onLost(errorName, disconnect),
      onMessage: (packet, acknowledge) => {
        if (!listener.onMessage(packet, acknowledge)) this.#settle(receiveOverrun(this.#facts));
      },
      onError: (what) => log.error("broker.client-failed", { what }),
    };
  }

  #onConnected(client: Mqtt5Client, negotiated: mqtt5.NegotiatedSettings): void {
    const { settings, link, listener } = this.#parts;
    if (negotiated.maximumQos < QoS.AtLeastOnce) {
      this.#settle(qos1Unsupported(this.#facts));
      return;
    }
    listener.onConnected(client, negotiated.rejoinedSession);
    link.connected(limitsOf(negotiated, settings.config), negotiated.rejoinedSession);
    this.#trial.end(undefined);
  }

  async #onFailed(failure: ConnectFailure): Promise<void> {
    const { link, log, credential } = this.#parts;
    this.#drop();
    const isWanted = this.#plan.renew();
    link.move("offline");
    if (failure.connack?.reasonCode === RETAIN_NOT_SUPPORTED && this.#will?.retain === true) {
      log.warn("link.will-not-retained", { topic: this.#will.topic });
      this.#will = { ...this.#will, retain: false };
      this.#begin();
      return;
    }
    const fault = await credential.diagnosis.explain(failure);
    if (isWanted()) this.#settle(fault);
  }

  #onLost(errorName: string, disconnect: mqtt5.DisconnectPacket | undefined): void {
    const { settings, link, pace } = this.#parts;
    const { sinceMs: livedMs } = link.status();
    const unacknowledged = this.#unacknowledged.count;
    const end = { errorName, reasonCode: disconnect?.reasonCode, livedMs, unacknowledged };
    const givenWayMs = this.#takeovers.noteEnd(end, Math.random);
    pace.noteEnd(livedMs);
    this.#drop(offlineAfter(disconnect, unacknowledged));
    link.move("offline");
    link.ended(disconnect?.reasonCode);
    const lost = connectionLost(errorName, disconnect, this.#facts);
    link.blame(this.#takeovers.isContested ? sessionContested(lost, this.#facts) : lost, disconnect?.reasonCode);
    if (settings.once !== true) this.#beginAfter(Math.max(givenWayMs, pace.nextMs()));
  }

  /** Acts on a fault that keeps the link down: ends the trial, tries again after a while, or gives up. */
  #settle(fault: LinkFault): void {
    const { settings, link, pace, credential } = this.#parts;
    if (this.#trial.end(fault)) return;
    this.#drop();
    link.move("offline");
    link.blame(fault);
    if (fault.code.startsWith("identity.") || FAULTS[fault.code].retry !== "backoff") credential.forgetContext();
    const waitMs = settings.once === true ? undefined : pace.afterFaultMs(fault.code);
    if (waitMs !== undefined) this.#beginAfter(waitMs);
  }

  /** Lets go of the client, and of what was published with it. */
  #drop(outcome: PublishOutcome = OFFLINE): void {
    const { link, pace, credential } = this.#parts;
    const client = this.#client;
    this.#client = undefined;
    credential.diagnosis.endAttempt();
    this.#unacknowledged.end(outcome);
    if (client === undefined) return;
    if (link.state === "connecting") pace.noteConnect();
    this.#isGoodbye = link.state === "online";
    this.#closing = release(client);
  }
}

/** What the faults of this session name. */
export function factsOf({ config, clientId }: SessionSettings): LinkFacts {
  return { host: config.host, port: config.port, clientId, connectTimeoutMs: config.connectTimeoutMs };
}

/** The credential, or the fault that keeps it from being opened. */
async function orFault(opening: Promise<OpenCredential>): Promise<OpenCredential | LinkFault> {
  try {
    return await opening;
  } catch (thrown) {
    if (thrown instanceof AgentError) return asLinkFault(thrown);
    throw thrown;
  }
}
