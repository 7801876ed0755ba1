import { decode as decodeCbor, encode as encodeCbor } from "cborg";

/** Payload formats of the reserved topics, as their last level names them. */
export const WIRE_FORMATS = ["json", "cbor"] as const;
export type WireFormat = (typeof WIRE_FORMATS)[number];

/** MQTT content type of each format. */
export const CONTENT_TYPES: Readonly<Record<WireFormat, string>> = {
  json: "application/json",
  cbor: "application/cbor",
};

/** A payload; undefined members are left out. */
export function encodeBody(format: WireFormat, body: Readonly<Record<string, unknown>>): Uint8Array {
  return format === "json"
    ? new TextEncoder().encode(JSON.stringify(body))
    : encodeCbor(body, { ignoreUndefinedProperties: true });
}

/**
 * What a payload holds, still to be checked by a schema; undefined when it is not in this format. JSON must be UTF-8 (RFC 8259, 8.1);
 * CBOR (RFC 8949) may be of indefinite length, but has no repeated keys, no tags and no keys that are not text.
 */
export function decodeBody(format: WireFormat, payload: Uint8Array): unknown {
  try {
    return format === "json"
      ? JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload))
      : decodeCbor(payload, { rejectDuplicateMapKeys: true });
  } catch {
    // What a broker delivers may be anything; the caller counts it.
    return undefined;
  }
}
