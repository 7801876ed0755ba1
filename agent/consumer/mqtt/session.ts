import {
  DisconnectReasonCode,
  type Mqtt5Client,
  QoS,
  RetainHandlingType,
  SubackReasonCode,
} from "aws-crt/dist/native/mqtt5.js";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { plainText } from "../../core/plain-text.ts";
import type { Arrival } from "../intake/arrival.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { createMqttClient } from "./client.ts";
import { arrivalOf } from "./publish-packet.ts";

/** First reason code that means failure (MQTT 5.0, 2.4). */
const FIRST_FAILURE_CODE = 0x80;
/** Delay before a subscription that was refused is asked for again, ms: a policy may have been mended. */
const RESUBSCRIBE_MS = 15_000;
/** How long the end of the connection is waited for, ms. */
const CLOSE_MS = 3000;
/** Longest text of a broker that is logged, characters. */
const MAX_REASON = 200;

/** What the session is doing. */
export type SessionStatus = {
  /** "online": connected, but some subscription is not granted (yet). "ready": records come. */
  readonly state: "offline" | "online" | "ready";
  readonly connects: number;
  /** Why it is not ready; undefined while nothing has failed. */
  readonly fault: string | undefined;
};

/** As whom to connect and what to receive. */
export type SessionParts = {
  readonly settings: BrokerSettings;
  /** Stable over restarts of the worker: the broker keeps what it has for the session under this name. */
  readonly clientId: string;
  /** QoS 1. The shared ones begin with $share/. */
  readonly filters: readonly string[];
  readonly onArrival: (arrival: Arrival) => void;
  /** Comes before the first arrival of a connection; `isResumed`: the broker sends again what was not acknowledged. */
  readonly onConnected: (isResumed: boolean) => void;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * The worker's MQTT 5 session: connects, subscribes after every connect (a broker may have kept the session and not its shared
 * subscriptions, as mosquitto 2.0 does over its own restart), and hands over each message with the right to acknowledge it.
 */
export class Session {
  readonly #parts: SessionParts;
  readonly #client: Mqtt5Client;
  readonly #stopping = new AbortController();
  #state: SessionStatus["state"] = "offline";
  #hasLeft = false;
  /** Until the next connection, or the first attempt at it that fails. */
  #isRenewing = false;
  #stopped: Promise<void> | undefined;
  #connects = 0;
  #fault: string | undefined;

  /** Throws `config.invalid` for certificates that cannot be used. Connects with `start`. */
  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#client = createMqttClient(parts.settings, parts.clientId);
    this.#listen();
  }

  status(): SessionStatus {
    return { state: this.#state, connects: this.#connects, fault: this.#fault };
  }

  /** Begins to connect; returns at once. */
  start(): void {
    this.#client.start();
  }

  /**
   * Resolves with true when each PUBACK that was asked for has been written: a request behind them has its answer. False when the
   * connection is gone, and with it the use of those PUBACKs.
   */
  async flush(): Promise<boolean> {
    if (this.#state === "offline") return false;
    const topicFilter = this.#parts.filters.at(-1) ?? "";
    const again = { topicFilter, qos: QoS.AtLeastOnce, retainHandlingType: RetainHandlingType.DontSend };
    const answer = this.#hasLeft
      ? this.#client.unsubscribe({ topicFilters: [topicFilter] })
      : this.#client.subscribe({ subscriptions: [again] });
    return answer.then(
      () => true,
      () => false,
    );
  }

  /** Gets the retained message of `topic`, if there is one, for the time until `forget`. Never rejects. */
  async ask(topic: string): Promise<void> {
    const subscription = {
      topicFilter: topic,
      qos: QoS.AtLeastOnce,
      retainHandlingType: RetainHandlingType.SendOnSubscribe,
    };
    await this.#client
      .subscribe({ subscriptions: [subscription] })
      .catch((thrown: unknown) => this.#unanswered(thrown));
  }

  /** Ends what `ask` began. Never rejects. */
  async forget(topic: string): Promise<void> {
    await this.#client.unsubscribe({ topicFilters: [topic] }).catch((thrown: unknown) => this.#unanswered(thrown));
  }

  /**
   * Gives up the subscriptions, for a worker that will not come back: what is published from now on goes to others of the group. What the
   * broker has already set by for this one still comes. Resolves when the broker has agreed. Never rejects.
   */
  async leave(): Promise<void> {
    this.#stopping.abort();
    this.#hasLeft = true;
    await this.#client
      .unsubscribe({ topicFilters: [...this.#parts.filters] })
      .catch((thrown: unknown) => this.#unanswered(thrown));
  }

  /** Disconnects. The broker keeps the session, but for `endsSession`. Idempotent, never rejects, bounded. */
  stop(endsSession: boolean): Promise<void> {
    this.#stopped ??= this.#stop(endsSession);
    return this.#stopped;
  }

  /**
   * Connects anew with the session as it is, so that the broker sends again what is not acknowledged; what was, is told to it before. Nothing
   * where there is no connection. Never rejects, bounded.
   */
  async renew(): Promise<void> {
    if (this.#state === "offline" || this.#isRenewing) return;
    await this.#inTime(this.flush());
    // The connection may have ended by itself meanwhile, and comes again by itself.
    if (this.#isOffline() || this.#stopping.signal.aborted) return;
    this.#isRenewing = true;
    await this.#disconnect(false);
    if (!this.#stopping.signal.aborted) this.#client.start();
  }

  async #stop(endsSession: boolean): Promise<void> {
    this.#stopping.abort();
    await this.#disconnect(endsSession);
    this.#client.close();
  }

  async #disconnect(endsSession: boolean): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#client.once("stopped", () => resolve()));
    this.#client.stop({
      reasonCode: DisconnectReasonCode.NormalDisconnection,
      ...(endsSession ? { sessionExpiryIntervalSeconds: 0 } : {}),
    });
    await this.#inTime(stopped);
    this.#state = "offline";
  }

  async #inTime(promise: Promise<unknown>): Promise<void> {
    const late = new AbortController();
    await Promise.race([promise, this.#parts.clock.sleep(CLOSE_MS, late.signal)]);
    late.abort();
  }

  #listen(): void {
    const { log, onArrival, onConnected, settings, clientId } = this.#parts;
    this.#client.on("messageReceived", ({ message, acknowledgementControl }) => {
      const handle = acknowledgementControl?.acquireHandle();
      onArrival(arrivalOf(message, () => handle?.invokeAcknowledgement()));
    });
    this.#client.on("connectionSuccess", ({ settings: granted }) => {
      this.#state = "online";
      this.#connects += 1;
      this.#isRenewing = false;
      onConnected(granted.rejoinedSession);
      log.info("consumer.connected", { clientId, sessionResumed: granted.rejoinedSession, connects: this.#connects });
      if (granted.sessionExpiryInterval < settings.sessionExpirySeconds) {
        log.warn("consumer.session-shortened", { sessionExpirySeconds: granted.sessionExpiryInterval });
      }
      void this.#subscribe(this.#connects);
    });
    this.#client.on("connectionFailure", ({ error, connack }) => {
      this.#isRenewing = false;
      this.#failed("consumer.connect-failed", connack?.reasonCode, connack?.reasonString ?? messageOf(error));
    });
    this.#client.on("disconnection", ({ error, disconnect }) => {
      if (this.#stopping.signal.aborted || this.#isRenewing) this.#state = "offline";
      else this.#failed("consumer.disconnected", disconnect?.reasonCode, disconnect?.reasonString ?? messageOf(error));
    });
    this.#client.on("error", (error) => log.error("consumer.client-failed", { what: messageOf(error) }));
  }

  async #subscribe(connect: number): Promise<void> {
    const { clock, log, filters } = this.#parts;
    while (this.#isOn(connect)) {
      const refused = await this.#refusedFilters();
      if (!this.#isOn(connect)) return;
      if (refused === undefined) {
        this.#state = "ready";
        this.#fault = undefined;
        log.info("consumer.subscribed", { filters: filters.join(" ") });
        return;
      }
      this.#fault = refused;
      log.error("consumer.subscription-refused", { what: refused });
      await clock.sleep(RESUBSCRIBE_MS, this.#stopping.signal);
    }
  }

  /** Undefined when all are granted. */
  async #refusedFilters(): Promise<string | undefined> {
    const { filters } = this.#parts;
    // A retained table that comes again with each connection would be one more delivery for every vehicle.
    const retainHandlingType = RetainHandlingType.SendOnSubscribeIfNew;
    const subscriptions = filters.map((topicFilter) => ({ topicFilter, qos: QoS.AtLeastOnce, retainHandlingType }));
    try {
      const { reasonCodes } = await this.#client.subscribe({ subscriptions });
      // QoS 0 is no grant either: nothing could be acknowledged.
      const refused = filters.flatMap((filter, at) =>
        reasonCodes[at] === SubackReasonCode.GrantedQoS1 ? [] : [`${filter} (${hex(reasonCodes[at])})`],
      );
      return refused.length === 0 ? undefined : `the broker did not grant with QoS 1: ${refused.join(", ")}`;
    } catch (thrown) {
      return `no answer to SUBSCRIBE: ${String(thrown)}`;
    }
  }

  #isOffline(): boolean {
    return this.#state === "offline";
  }

  #isOn(connect: number): boolean {
    return this.#connects === connect && this.#state !== "offline" && !this.#stopping.signal.aborted;
  }

  #failed(event: string, reasonCode: number | undefined, text: string): void {
    this.#state = "offline";
    const reason = reasonCode === undefined || reasonCode < FIRST_FAILURE_CODE ? "" : `${hex(reasonCode)} `;
    this.#fault = `${reason}${plainText(text, MAX_REASON)}`;
    this.#parts.log.warn(event, { what: this.#fault });
  }

  #unanswered(thrown: unknown): void {
    this.#parts.log.debug("consumer.request-unanswered", { what: String(thrown) });
  }
}

function hex(code: number | undefined): string {
  return code === undefined ? "no code" : `0x${code.toString(16).padStart(2, "0")}`;
}
