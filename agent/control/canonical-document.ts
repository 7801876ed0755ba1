/** What a signed document may hold: no fractions, no null, so that there is only one way to write each value. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Deeper nesting than any signed document has. */
const MAX_DEPTH = 16;

/**
 * The one JSON text of a value: RFC 8785 (JSON Canonicalization Scheme) for whole numbers within ±2^53, text, booleans, lists and
 * maps. No white space, keys sorted by UTF-16 code units. Gives undefined for a value that has no such text.
 */
export function canonicalJson(value: unknown): string | undefined {
  return textOf(value, 0);
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
    return canonicalJson(value) === text ? value : undefined;
  } catch {
    // Not UTF-8 or not JSON: both are "not canonical", which is all that the caller asks.
    return undefined;
  }
}

function textOf(value: unknown, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return undefined;
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? JSON.stringify(value) : undefined;
    case "boolean":
      return String(value);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : undefined;
    case "object":
      if (value === null) return undefined;
      return Array.isArray(value) ? listText(value, depth) : mapText(value, depth);
    default:
      return undefined;
  }
}

function listText(list: readonly unknown[], depth: number): string | undefined {
  const items = list.map((item) => textOf(item, depth + 1));
  return items.includes(undefined) ? undefined : `[${items.join(",")}]`;
}

function mapText(map: object, depth: number): string | undefined {
  const entries = Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  const items: string[] = [];
  for (const [key, value] of entries) {
    const keyText = textOf(key, depth);
    const text = textOf(value, depth + 1);
    if (keyText === undefined || text === undefined) return undefined;
    items.push(`${keyText}:${text}`);
  }
  return `{${items.join(",")}}`;
}
