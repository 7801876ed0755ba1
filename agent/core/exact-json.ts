/** One line of JSON in which no number is rounded: beyond 2^53 as {"int":"decimal"}, not-a-number as "NaN", infinities as "inf" and "-inf". Bytes are base64. */
export function exactLine(value: unknown): string {
  return JSON.stringify(value, function (this: object, key, item: unknown) {
    // A Buffer has a toJSON of its own, which comes before this.
    const own: unknown = Reflect.get(this, key);
    return own instanceof Uint8Array ? Buffer.from(own).toString("base64") : exactJson(item);
  });
}

function exactJson(item: unknown): unknown {
  if (typeof item === "bigint") return { int: String(item) };
  if (typeof item !== "number" || Number.isFinite(item)) return item;
  if (Number.isNaN(item)) return "NaN";
  return item > 0 ? "inf" : "-inf";
}
