import type { Topics } from "../../cloud/topics.ts";
import { CLOCK_QUALITIES, type Clock, type ClockQuality } from "../../core/clock.ts";
import { type Publication, publicationTo } from "../../ports/broker.ts";
import type { QueuedRecord } from "../../ports/outbox.ts";
import { isJson } from "../record/compress.ts";
import { isEncrypted } from "../record/envelope/message-format.ts";

const CONTENT_TYPE = {
  protobuf: "application/x-protobuf",
  json: "application/json",
  encrypted: "application/octet-stream",
} as const;
/** Of the user property `encryption`: the message format of the AWS Encryption SDK, version 2. */
const ENCRYPTION = "aws-encryption-sdk-2";
/** What a payload in the form of another cloud is, that cloud knows. */
const ROUTED_TYPE = "application/octet-stream";
const SCHEMA = "causeway.v1";
/** Four-byte integer (MQTT 5.0, 3.3.2.3.3). */
const MAX_EXPIRY_SECONDS = 0xffff_ffff;

/** Whether a record's life is over. One whose age is not known lives: none must be dropped for a clock that jumped. `maxGapMs` as in `ageOf`. */
export function isExpired(record: QueuedRecord, clock: Clock, maxGapMs: number): boolean {
  const leftMs = leftMsOf(record, clock, maxGapMs);
  return leftMs !== undefined && leftMs <= 0;
}

/** What is left of a record's life, s, for the broker to count from its arrival: the whole life where its age is not known; undefined lives on. */
export function messageExpirySecondsOf(record: QueuedRecord, clock: Clock, maxGapMs: number): number | undefined {
  const leftMs = leftMsOf(record, clock, maxGapMs);
  return leftMs === undefined ? undefined : Math.min(MAX_EXPIRY_SECONDS, Math.max(1, Math.ceil(leftMs / 1000)));
}

function leftMsOf(record: QueuedRecord, clock: Clock, maxGapMs: number): number | undefined {
  const { expiresAtMs, storedAtUs } = record;
  if (expiresAtMs === undefined) return undefined;
  return expiresAtMs - Math.floor(storedAtUs / 1000) - (ageOf(record, clock, maxGapMs) ?? 0);
}

/**
 * ms since the record was stored; undefined when nobody knows.
 *
 * Within one boot the time since the boot alone is asked, which counts suspend, and which no step moves. Across boots there is only the wall clock: it counts when both the clock that stored the record and the clock
 * now are "ntp" or better, and when time did not go backwards or on by more than `maxGapMs`.
 */
function ageOf(
  { storedAtMonotonicMs, storedAtUs, timeQuality }: QueuedRecord,
  clock: Clock,
  maxGapMs: number,
): number | undefined {
  if (storedAtMonotonicMs !== undefined) return Math.max(0, clock.boottimeMs() - storedAtMonotonicMs);
  if (!isTrusted(timeQuality) || !isTrusted(clock.quality())) return undefined;
  const ageMs = (clock.wallUs() - storedAtUs) / 1000;
  return ageMs < 0 || ageMs > maxGapMs ? undefined : ageMs;
}

/** Where a record goes: the topic of its stream, the schema topic for a signal table, or the one that it brings. */
export function topicOf({ retainKey, stream, route }: QueuedRecord, topics: Topics): string {
  if (route !== undefined) return route;
  return retainKey === undefined ? topics.record(stream) : topics.schema(retainKey);
}

/**
 * The MQTT 5 message of a record: its payload untouched, its id and how to read it in user properties. One with a topic of its own is in
 * the form of another cloud, and says its id alone, so that what is missing can be told there too.
 */
export function publicationOf(
  record: QueuedRecord,
  topics: Topics,
  messageExpirySeconds: number | undefined,
  retainAvailable: boolean,
): Publication {
  const { epoch, seq, stream, encoding, timeQuality, retainKey, route, payload } = record;
  const id = [
    ["epoch", String(epoch)],
    ["seq", String(seq)],
    ["stream", stream],
  ] as const;
  if (route !== undefined)
    return publicationTo(route, payload, ROUTED_TYPE, { messageExpirySeconds, userProperties: id });
  return {
    topic: topicOf(record, topics),
    payload,
    retain: retainKey !== undefined && retainAvailable,
    contentType: contentTypeOf(payload),
    messageExpirySeconds,
    userProperties: [
      ...id,
      ["schema", SCHEMA],
      ["encoding", encoding],
      ["time-quality", timeQuality],
      ...(isEncrypted(payload) ? ([["encryption", ENCRYPTION]] as const) : []),
    ],
  };
}

/** By what it begins with: what is stored says the same after a restart with other settings. */
function contentTypeOf(payload: Uint8Array): string {
  if (isEncrypted(payload)) return CONTENT_TYPE.encrypted;
  return isJson(payload) ? CONTENT_TYPE.json : CONTENT_TYPE.protobuf;
}

function isTrusted(quality: ClockQuality): boolean {
  return CLOCK_QUALITIES.indexOf(quality) >= CLOCK_QUALITIES.indexOf("ntp");
}
