/** How a connection ended that had been established. */
export type ConnectionEnd = {
  /** Name of the aws-crt error. */
  readonly errorName: string;
  /** Of the broker's DISCONNECT packet; undefined when it sent none. */
  readonly reasonCode: number | undefined;
  /** How long the connection lived, ms. */
  readonly livedMs: number;
  /** Publications without their acknowledgement at that moment. */
  readonly unacknowledged: number;
};

/** DISCONNECT "Session taken over" (MQTT 5.0, table 2-6). AWS IoT Core sends it. */
const SESSION_TAKEN_OVER = 0x8e;
/** The broker closed the TLS session without DISCONNECT, which is how mosquitto 2.0 sends away the older of two clients. */
const TAKEOVER_HANGUP = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";
/**
 * Two clients that fight connect again within seconds. A connection that lived longer before it was hung up was not fought for: a device on
 * the way (NAT, firewall) ends idle ones like that.
 */
const TAKEOVER_HANGUP_WITHIN_MS = 10_000;
/** A connection that lived longer than the longest wait of two clients with one name was not fought for. */
const UNCONTESTED_AFTER_MS = 240_000;
/** Before the next connection, by the number of takeovers in a row; the first is left to the usual reconnection. */
const WAITS_MS = [0, 10_000, 30_000, 90_000] as const;
/** This many in a row are no accident. */
const CONTESTED = 3;

/**
 * Tells a fight of two clients over one client id from a link that breaks, and how long to leave the session to the other one: at most
 * 10 connections in 10 minutes, however fast the other is.
 */
export class SessionTakeovers {
  #count = 0;
  #hasRefused = false;

  /** The broker has refused a publication; some hang up after that, or instead (mosquitto 2.0 with dynamic security), which is no takeover. */
  noteRejection(): void {
    this.#hasRefused = true;
  }

  /** Notes an end. Gives the wait before the next connection, ms; 0 where the usual reconnection is right. `random` gives 0 <= x < 1. */
  noteEnd({ errorName, reasonCode, livedMs, unacknowledged }: ConnectionEnd, random: () => number): number {
    if (livedMs > UNCONTESTED_AFTER_MS) this.#count = 0;
    const mayBeRejection = this.#hasRefused || unacknowledged > 0;
    const isTakeoverHangup =
      reasonCode === undefined &&
      errorName === TAKEOVER_HANGUP &&
      livedMs < TAKEOVER_HANGUP_WITHIN_MS &&
      !mayBeRejection;
    this.#hasRefused = false;
    if (reasonCode !== SESSION_TAKEN_OVER && !isTakeoverHangup) return 0;
    const waitMs = WAITS_MS[Math.min(this.#count, WAITS_MS.length - 1)] ?? 0;
    this.#count += 1;
    return waitMs * (1 + random() / 5);
  }

  /** Whether there is another client with our name, as far as that can be told. */
  get isContested(): boolean {
    return this.#count >= CONTESTED;
  }
}
