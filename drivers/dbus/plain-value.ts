/**
 * A value of D-Bus without its wrapping: variants are what they hold, dictionaries are plain objects, 64-bit numbers are
 * numbers where they are exact ones and else stay bigints, bytes (`ay`) a Uint8Array. D-Bus bounds how deep values nest (64).
 */
export function plainOf(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plainOf);
  if (isVariant(value)) return plainOf(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plainOf(held)]));
}

/** Dictionaries are plain objects, whatever keys they have. */
function isVariant(value: object): value is { readonly value: unknown } {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null && Object.hasOwn(value, "value");
}
