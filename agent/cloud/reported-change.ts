import { isDeepStrictEqual } from "node:util";

/** Bytes of a value as JSON. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * What must be sent to a shadow so that `reported` becomes `wanted`: whole values of keys that differ, null for those that are to go.
 * Undefined for nothing. A shadow drops objects that are empty: `wanted` must have none, or they would be sent again and again.
 */
export function changeOf(
  reported: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const keys = [...new Set([...Object.keys(reported), ...Object.keys(wanted)])];
  const changed = keys.flatMap((key): (readonly [string, unknown])[] => {
    const [before, after] = [reported[key], wanted[key]];
    if (after === undefined) return [[key, null]];
    if (!isMap(after) || !isMap(before)) return isDeepStrictEqual(before, after) ? [] : [[key, after]];
    const below = changeOf(before, after);
    return below === undefined ? [] : [[key, below]];
  });
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
