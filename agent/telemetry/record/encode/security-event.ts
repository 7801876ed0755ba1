import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const EVENT = { event: 1, reason: 2, source: 3, count: 4, firstUs: 5, timeUs: 6, detail: 7, untold: 8 } as const;

/** A `detail` is for people; what is longer is cut, so that an event always fits its record. */
const MAX_DETAIL_CHARACTERS = 300;

/** What can happen that says who tries what with the vehicle or its agent. */
export const SECURITY_EVENTS = [
  "command-refused",
  "signature-failed",
  "certificate-refused",
  "broker-untrusted",
  "session-takeover",
  "pin-refused",
  "tpm-lockout",
  "unexpected-reboot",
  "unexpected-restart",
  "clock-step",
  "config-changed",
] as const;
export type SecurityEventName = (typeof SECURITY_EVENTS)[number];

/** Something that happened, once or more often. */
export type SecurityEvent = {
  readonly event: SecurityEventName;
  /** One word; "" where the event says it. */
  readonly reason: string;
  /** The channel of a command; "" for any other. */
  readonly source: string;
  /** For people, of the first of them; never a secret. */
  readonly detail: string;
  /** How often since the event of this kind before. */
  readonly count: number;
  /** The first and the last of them, µs since the Unix epoch. */
  readonly firstUs: number;
  readonly timeUs: number;
  /** Events before this one that were not told, as too many kinds of them were counted already. */
  readonly untold: number;
};

/** Writes the `SecurityEvent` message as field `field`. */
export function writeSecurityEvent(writer: ProtobufWriter, field: number, event: SecurityEvent): void {
  writer.begin(field, 128);
  writer.stringField(EVENT.event, event.event);
  writer.stringField(EVENT.reason, event.reason);
  writer.stringField(EVENT.source, event.source);
  writer.uintField(EVENT.count, event.count);
  writer.sintField(EVENT.firstUs, event.firstUs);
  writer.sintField(EVENT.timeUs, event.timeUs);
  writer.stringField(EVENT.detail, event.detail.slice(0, MAX_DETAIL_CHARACTERS));
  writer.uintField(EVENT.untold, event.untold);
  writer.end();
}
