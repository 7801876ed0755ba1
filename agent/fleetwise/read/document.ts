import { z } from "zod";

/** Largest payload that is read, bytes: what AWS IoT Core lets through. */
export const MAX_PAYLOAD_BYTES = 131_072;
/** Characters of an id that comes from outside, in a problem. */
const SHOWN_LENGTH = 64;
/** Ids of signals in a problem; of more their number. */
const MAX_SHOWN = 8;
/** 9999-12-31T23:59:59.999Z */
const LAST_MS = 253_402_300_799_999;

/** A document, or why the whole payload is none: what is in force stays in force then. */
export type Read<T> =
  | { readonly kind: "read"; readonly document: T }
  | { readonly kind: "unreadable"; readonly problem: string };

/** An entry of a document that was left out, and why: "signal 12", "scheme c-1", "state template t-1". */
export type Refusal = { readonly entry: string; readonly problem: string };

/** Signal ids: 0 and the top bit are reserved (FleetWise, DecoderManifest). */
export const signalId = z.int().min(1).max(0x7fff_ffff);
/** Ids of documents; they come back in check-ins, so they have a bound. */
export const syncId = z.string().min(1, "is empty").max(256);
/** 64-bit fields arrive as bigint; what is read from them must be exact as a number. */
export const exact = z.bigint().max(BigInt(Number.MAX_SAFE_INTEGER), "is beyond 2^53").transform(Number);

/**
 * Times that count, ms since the Unix epoch. What is later than the last one that can be written as a date is that one: a cloud side
 * that means "without end" sends the greatest integer there is.
 */
export const time = z.bigint().transform((value) => (value > BigInt(LAST_MS) ? LAST_MS : Number(value)));

/** An id from outside as a problem shows it. */
export function shownId(id: unknown): string {
  const text = typeof id === "string" || typeof id === "number" ? String(id) : "";
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** Ids of signals as a problem shows them, each once. */
export function shownIds(ids: readonly number[]): string {
  const shown = [...new Set(ids)];
  const more = shown.length - MAX_SHOWN;
  return more > 0 ? `${shown.slice(0, MAX_SHOWN).join(", ")} and ${more} more` : shown.join(", ");
}

/** What is wrong with an entry, in one line: "after_duration_ms: is beyond 2^53". */
export function problemOf({ issues: [first] }: z.ZodError): string {
  return first.path.length === 0 ? first.message : `${first.path.join(".")}: ${first.message}`;
}
