import { CLOCK_QUALITIES, type Clock, type ClockQuality } from "../core/clock.ts";
import type { Outgoing, Publication } from "../ports.ts";
import type { Topics } from "./topics.ts";

const CONTENT_TYPE = "application/x-protobuf";
const SCHEMA = "causeway.v1";
/** Four-byte integer (MQTT 5.0, 3.3.2.3.3). */
const MAX_EXPIRY_SECONDS = 0xffff_ffff;

/** What is left of a record's life. */
export type Expiry =
  | { readonly kind: "expired" }
  | { readonly kind: "alive"; readonly messageExpirySeconds: number | undefined };

/**
 * Whether a record's life is over by now, and the message expiry to send with it.
 *
 * Life is only judged when both the clock that stored the record and the clock now are "ntp" or better: a difference between two
 * wall times of which one may be 1970 is worth nothing, and a record must not be dropped for a clock that jumped. Otherwise the
 * record is sent with its whole life, counted by the broker from its arrival.
 */
export function expiryOf(record: Outgoing, clock: Clock): Expiry {
  const { expiresAtMs, storedAtUs, timeQuality } = record;
  if (expiresAtMs === undefined) return { kind: "alive", messageExpirySeconds: undefined };
  const isKnown = isTrusted(timeQuality) && isTrusted(clock.quality());
  const leftMs = expiresAtMs - (isKnown ? clock.wallUs() : storedAtUs) / 1000;
  if (isKnown && leftMs <= 0) return { kind: "expired" };
  const seconds = Math.min(MAX_EXPIRY_SECONDS, Math.max(1, Math.ceil(leftMs / 1000)));
  return { kind: "alive", messageExpirySeconds: seconds };
}

/** Where a record goes: the topic of its stream, or the schema topic for a signal table. */
export function topicOf({ retainKey, stream }: Outgoing, topics: Topics): string {
  return retainKey === undefined ? topics.record(stream) : topics.schema(retainKey);
}

/** The MQTT 5 message of a record: its payload untouched, its id and how to read it in user properties. */
export function publicationOf(
  record: Outgoing,
  topics: Topics,
  messageExpirySeconds: number | undefined,
  retainAvailable: boolean,
): Publication {
  const { epoch, seq, stream, encoding, timeQuality, retainKey, payload } = record;
  return {
    topic: topicOf(record, topics),
    payload,
    retain: retainKey !== undefined && retainAvailable,
    contentType: CONTENT_TYPE,
    messageExpirySeconds,
    userProperties: [
      ["epoch", String(epoch)],
      ["seq", String(seq)],
      ["stream", stream],
      ["schema", SCHEMA],
      ["encoding", encoding],
      ["time-quality", timeQuality],
    ],
  };
}

function isTrusted(quality: ClockQuality): boolean {
  return CLOCK_QUALITIES.indexOf(quality) >= CLOCK_QUALITIES.indexOf("ntp");
}
