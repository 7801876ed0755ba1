/**
 * A number in the JSON form of protobuf, which has words for what JSON has not (protobuf.dev/programming-guides/json, "float, double"); -0 is 0.
 */
export function jsonNumber(value: number): number | string {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/** One member of a JSON object, `"name":...`, in UTF-8; members that are undefined are left out within it. */
export function jsonMember(name: string, value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
}
