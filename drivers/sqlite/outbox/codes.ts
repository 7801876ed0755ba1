import type { RecordedQuality } from "../../../agent/core/clock.ts";
import type { Encoding, LossReason, RecordState, StreamName } from "../../../agent/ports/outbox.ts";

// Numbers as stored in outbox.db: never changed, only added to. Streams are numbered in drain order.
const STREAM_CODES = ["control", "event", "telemetry", "capture"] as const satisfies readonly StreamName[];
const ENCODING_CODES = ["identity", "gzip", "zstd"] as const satisfies readonly Encoding[];
const QUALITY_CODES = ["unsynchronised", "rtc", "ntp", "gps"] as const satisfies readonly RecordedQuality[];
const REASON_CODES = [
  "evicted",
  "expired",
  "rejected",
  "damaged",
  "dropped",
  "thinned",
] as const satisfies readonly LossReason[];

/** The number of streams; their codes are 0 (drained first, evicted last) up to this minus one. */
export const STREAM_COUNT = STREAM_CODES.length;

/** Code of the `control` stream. */
export const CONTROL_CODE = 0;

/** A stream as its column holds it. */
export function streamCode(stream: StreamName): number {
  return STREAM_CODES.indexOf(stream);
}

/** The stream that `code` stands for; the tables' checks keep `code` in range. */
export function streamOf(code: number): StreamName {
  return STREAM_CODES[code] ?? "telemetry";
}

/** An encoding as its column holds it. */
export function encodingCode(encoding: Encoding): number {
  return ENCODING_CODES.indexOf(encoding);
}

/** The encoding that `code` stands for. */
export function encodingOf(code: number): Encoding {
  return ENCODING_CODES[code] ?? "identity";
}

/** A clock quality as its column holds it. */
export function qualityCode(quality: RecordedQuality): number {
  return QUALITY_CODES.indexOf(quality);
}

/** The clock quality that `code` stands for. */
export function qualityOf(code: number): RecordedQuality {
  return QUALITY_CODES[code] ?? "unsynchronised";
}

/** A loss reason as its column holds it. */
export function reasonCode(reason: LossReason): number {
  return REASON_CODES.indexOf(reason);
}

/** The loss reason that `code` stands for. */
export function reasonOf(code: number): LossReason {
  return REASON_CODES[code] ?? "damaged";
}

/** The state of a record as its column `dead` holds it. */
export function stateCode(state: RecordState): 0 | 1 {
  return state === "dead" ? 1 : 0;
}
