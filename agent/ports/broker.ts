import type { FaultCode } from "../core/errors.ts";

/** Limits the broker announced in CONNACK (MQTT 5.0, 3.2.2.3). */
export type BrokerLimits = {
  readonly receiveMaximum: number;
  /** Bytes of a whole PUBLISH packet. */
  readonly maximumPacketBytes: number;
  /** Bytes of payload, where the service takes less than its packet limit lets expect; absent elsewhere. */
  readonly maximumPayloadBytes?: number;
  readonly topicAliasMaximum: number;
  readonly retainAvailable: boolean;
};

export type LinkState = "offline" | "connecting" | "online";

/** What the link is doing and why it is not online. */
export type LinkStatus = {
  readonly state: LinkState;
  /** Monotonic ms since it is online, or since it is not: attempts to connect do not count. */
  readonly sinceMs: number;
  readonly fault: { readonly code: FaultCode; readonly what: string; readonly remedy: string } | undefined;
  /** Successful connections since start. */
  readonly connects: number;
  readonly limits: BrokerLimits | undefined;
  /** Between `pause` and `resume`; absent otherwise. */
  readonly isPaused?: true;
  /** What went wrong since start; absent where nobody counts it. */
  readonly ends?: LinkEnds;
};

/** Counts since start. */
export type LinkEnds = {
  /** Connections that ended other than by us, by the name of the reason code in the broker's DISCONNECT (MQTT 5.0, table 2-6), "connection lost" without one. */
  readonly disconnects: Readonly<Record<string, number>>;
  /** Faults that keep the link down, each time one is met, by their code: an attempt that ends like the one before counts. */
  readonly faults: Readonly<Record<string, number>>;
};

/** Messages that came in, since start. */
export type InboundCounters = {
  /** Handed to a subscription. */
  readonly taken: number;
  /** Thrown away because too many waited. */
  readonly discarded: number;
  /** Their handling failed: a bug that they brought out. */
  readonly failed: number;
  /** Acknowledged unread, because earlier processes ended with them in hand. */
  readonly setAside: number;
  readonly waiting: number;
};

/** One MQTT 5 PUBLISH, of QoS 1 but where it says otherwise. */
export type Publication = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Empty: it goes without one. */
  readonly contentType: string;
  /** Seconds; undefined lives on. */
  readonly messageExpirySeconds: number | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  /** Where an answer is wanted; absent where none is. */
  readonly responseTopic?: string;
  /** Given back to a requester as it came (MQTT 5.0, 4.10); absent where nothing is answered. */
  readonly correlationData?: Uint8Array;
  /** Nobody acknowledges it: "acked" says that it was written to the connection. */
  readonly qos?: 0;
};

/** What a publication may have besides topic, payload and content type. */
export type PublicationOptions = Partial<Omit<Publication, "topic" | "payload" | "contentType">>;

/** A publication that is not retained, lives on and has no user properties, but for what `options` say. */
export function publicationTo(
  topic: string,
  payload: Uint8Array,
  contentType: string,
  options: PublicationOptions = {},
): Publication {
  return {
    topic,
    payload,
    contentType,
    retain: false,
    messageExpirySeconds: undefined,
    userProperties: [],
    ...options,
  };
}

/** The DISCONNECT by which the broker ended a connection. */
export type ConnectionEnding = {
  readonly reasonCode: number;
  readonly reason: string;
  /** Publications without an answer at that moment, whoever published them: the one whose outcome it is among them. */
  readonly unanswered: number;
};

/** "acked": PUBACK below 0x80; "rejected": PUBACK 0x80 or above, or found before sending that no broker could take it; "offline": no PUBACK came, it may or may not have arrived (`ended`: the broker ended the connection meanwhile and said why); "too-large": over the broker's packet limit, never sent. */
export type PublishOutcome =
  | { readonly kind: "acked" }
  | { readonly kind: "rejected"; readonly reasonCode: number; readonly reason: string }
  | { readonly kind: "offline"; readonly ended?: ConnectionEnding }
  | { readonly kind: "too-large" };

/** A message that arrived on one of our subscriptions. */
export type ReceivedPublish = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  readonly correlationData: Uint8Array | undefined;
  /** What was left of the message's life when it was sent to us, seconds; undefined lives on. */
  readonly messageExpirySeconds: number | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
};

/** A key of the device and the certificate for it: a label in the token (in bench mode the path of a key file) and a PEM file. */
export type LinkCredential = { readonly keyLabel: string; readonly certificateFile: string };

/** "kept": the session goes on with the credential it had; `fault` says what was wrong with the other. */
export type CredentialSwitch =
  | { readonly kind: "moved" }
  | { readonly kind: "kept"; readonly fault: NonNullable<LinkStatus["fault"]> };

/**
 * The MQTT 5 session. Connects, and connects again with full jitter, until `stop`. Queues nothing: a publish while offline is
 * "offline" at once. Subscriptions are remembered and made again after every connect that did not resume the session.
 */
export interface Broker {
  /**
   * Begins connecting before `start`, so that the handshake goes on while others get ready; resolves a turn of the event loop later, when an
   * attempt that need not wait has begun. To everybody it is "connecting" until `start`, and what the broker delivers waits, within the bounds of
   * all that arrives.
   */
  connectAhead(): Promise<void>;
  /** Begins connecting, or takes the connection into use that was made ahead; returns at once. */
  start(): void;
  status(): LinkStatus;
  inbound(): InboundCounters;
  /**
   * Resolves with the limits once online (at once when it is), or with undefined when `signal` aborts or the session is stopped. With
   * `after`, waits for a connection whose number (`LinkStatus.connects`) is higher.
   */
  online(signal: AbortSignal, after?: number): Promise<BrokerLimits | undefined>;
  /** Never rejects. */
  publish(publication: Publication): Promise<PublishOutcome>;
  /**
   * Filters must be disjoint. Resolves when the broker granted it, or when it is remembered while offline.
   *
   * `handler` gets the messages one at a time, in order; one is acknowledged to the broker after it has returned. A handler that throws
   * costs its message. Messages of QoS 0 that wait are bounded, and those over the bound are thrown away.
   */
  subscribe(filter: string, handler: (message: ReceivedPublish) => void): Promise<void>;
  /**
   * Goes over to another credential under the same client id, so that a policy which allows this id alone is enough: ends the connection
   * in order, makes the next one with `credential` and resumes the session. A key or file that cannot be used is found before anything
   * is ended. When the new connection is refused, or not there after `withinMs`, the session goes back to the credential it had.
   * One at a time; what is published meanwhile is "offline". Never rejects.
   */
  switchCredential(credential: LinkCredential, withinMs: number): Promise<CredentialSwitch>;
  /** Keep-alive of the session from now on, seconds: a connection with another one is ended in order and made anew at once, unless it is paused. */
  keepAlive(seconds: number): void;
  /** Ends a wait between two attempts to connect: the next one begins at once. Does nothing while online. */
  retryNow(): void;
  /**
   * Disconnects cleanly (the will is not sent; the broker keeps the session as long as it was asked to) and stays away until `resume`:
   * nothing connects, whatever else asks for it, and a change of credential is not made. Resolves when the connection is gone, after
   * `withinMs` at the latest. Idempotent, never rejects.
   */
  pause(withinMs: number): Promise<void>;
  /**
   * Comes back, after a `pause` or without one: delays begin anew and the next attempt begins at once. A connection that looked good is
   * ended and made again, since over a sleep it may have died without a word. For a while attempts follow each other closely, as the
   * network may need some seconds to come up. Does nothing before the start and after the stop, but to end a `pause`.
   */
  resume(): void;
  /** Disconnects cleanly (the will is not sent). Idempotent, never rejects. */
  stop(): Promise<void>;
}
