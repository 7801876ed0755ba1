import type { Json } from "./canonical-json.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Deeper nesting than any signed document has. */
const MAX_DEPTH = 16;

/**
 * The one text of a signed document: canonical JSON, and of that only text, truth values, whole numbers within ±2^53, lists and maps, so
 * that there is one way to write each value. Gives undefined for anything else.
 */
export function documentText(value: unknown): string | undefined {
  return isDocument(value, 0) ? canonicalJson(value) : undefined;
}

/**
 * Parses bytes that are exactly the canonical text of a value; undefined for all others.
 *
 * A second way to write the same document (white space, key order, a key twice, an escape) is refused, so that a signed file has no
 * byte that can change unseen.
 */
export function parseCanonical(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return documentText(value) === text ? value : undefined;
  } catch {
    // Not UTF-8 or not JSON: both are "not canonical", which is all that the caller asks.
    return undefined;
  }
}

function isDocument(value: unknown, depth: number): value is Json {
  if (depth > MAX_DEPTH) return false;
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "boolean":
      return true;
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0);
    case "object":
      return value !== null && Object.entries(value).every((entry) => isMember(entry, depth));
    default:
      return false;
  }
}

function isMember([key, value]: readonly [string, unknown], depth: number): boolean {
  return key.isWellFormed() && isDocument(value, depth + 1);
}
