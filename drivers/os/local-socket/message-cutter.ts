import { JoinedBytes } from "./joined-bytes.ts";

/** Bytes of a varint that gives a length: more than any bound needs. */
const MAX_LENGTH_BYTES = 4;

/** As `LineCutter`, for messages that have their length before them, as a varint (protobuf's delimited form). */
export class MessageCutter {
  readonly #maxBytes: number;
  readonly #held = new JoinedBytes();

  /** `maxBytes`: of a message, without its length. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether bytes are left, of a message that is not whole. */
  get isInFrame(): boolean {
    return this.#held.bytes.length > 0;
  }

  push(chunk: Buffer): void {
    this.#held.push(chunk);
  }

  /** At most `max` whole messages, without their lengths; fewer when there are no more. "too-long": the next one exceeds the bound, whole or not. */
  next(max: number): readonly Uint8Array[] | "too-long" {
    const messages: Uint8Array[] = [];
    while (messages.length < max) {
      const held = this.#held.bytes;
      const head = headOf(held);
      if (head === undefined) break;
      const { bytes, start } = head;
      if (bytes > this.#maxBytes) return messages.length > 0 ? messages : "too-long";
      if (held.length < start + bytes) break;
      messages.push(held.subarray(start, start + bytes));
      this.#held.drop(start + bytes);
    }
    return messages;
  }
}

/** The length of a message, bytes, and where it starts; undefined before its length is whole. One that has no end is longer than anything. */
function headOf(buffer: Buffer): { readonly bytes: number; readonly start: number } | undefined {
  let bytes = 0;
  for (let at = 0; at < MAX_LENGTH_BYTES; at++) {
    const byte = buffer[at];
    if (byte === undefined) return undefined;
    bytes += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return { bytes, start: at + 1 };
  }
  return { bytes: Number.POSITIVE_INFINITY, start: MAX_LENGTH_BYTES };
}
