/** One line of JSON in which no number is rounded: beyond 2^53 as {"int":"decimal"}, not-a-number as "NaN", infinities as "inf" and "-inf". Bytes are base64. */
export function exactLine(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => exactJson(item));
}

function exactJson(item: unknown): unknown {
  if (item instanceof Uint8Array) return Buffer.from(item).toString("base64");
  if (typeof item === "bigint") return { int: String(item) };
  if (typeof item !== "number" || Number.isFinite(item)) return item;
  if (Number.isNaN(item)) return "NaN";
  return item > 0 ? "inf" : "-inf";
}
