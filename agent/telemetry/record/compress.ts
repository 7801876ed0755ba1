import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { AgentError, messageOf } from "../../core/errors.ts";
import type { Encoding } from "../../ports/outbox.ts";

/** Level that costs least for what it saves on records of a few kilobytes. */
const GZIP_LEVEL = 1;
const ZSTD_LEVEL = 3;
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } };

/** `bytes` in the given encoding. "identity" returns the same array. */
export function compress(bytes: Uint8Array, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case "identity":
      return bytes;
    case "gzip":
      return gzipSync(bytes, { level: GZIP_LEVEL });
    case "zstd":
      return zstdCompressSync(bytes, ZSTD_OPTIONS);
  }
}

/**
 * The encoding of a payload, told by its first bytes: gzip (RFC 1952, 2.3.1), zstd (RFC 8878, 3.1.1), otherwise "identity".
 * A record that is not compressed starts with neither: those bytes are no tag that it uses.
 */
export function encodingOf(payload: Uint8Array): Encoding {
  if (payload[0] === 0x1f && payload[1] === 0x8b) return "gzip";
  if (payload[0] === 0x28 && payload[1] === 0xb5 && payload[2] === 0x2f && payload[3] === 0xfd) return "zstd";
  return "identity";
}

/** Whether a payload without compression is JSON, told by its first byte: an object's, which is no tag that a record begins with. */
export function isJson(payload: Uint8Array): boolean {
  return payload[0] === 0x7b;
}

/**
 * A payload without its compression, at most `maxBytes` long.
 *
 * Throws `input.malformed` when it is longer or damaged: a payload of a kilobyte can claim to hold gigabytes.
 */
export function inflate(payload: Uint8Array, maxBytes: number): Uint8Array {
  const encoding = encodingOf(payload);
  try {
    if (encoding === "gzip") return gunzipSync(payload, { maxOutputLength: maxBytes });
    if (encoding === "zstd") return zstdDecompressSync(payload, { maxOutputLength: maxBytes });
  } catch (thrown) {
    throw new AgentError("input.malformed", {
      what: `the ${encoding} payload of ${payload.length} bytes cannot be unpacked: ${messageOf(thrown)}`,
      remedy: `Check that the payload is complete; it may hold at most ${maxBytes} bytes when unpacked.`,
      cause: thrown,
    });
  }
  if (payload.length <= maxBytes) return payload;
  throw new AgentError("input.malformed", {
    what: `the payload of ${payload.length} bytes is longer than ${maxBytes}`,
    remedy: "Give one record, as received from the broker.",
  });
}
