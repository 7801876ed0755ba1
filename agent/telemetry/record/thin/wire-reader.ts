import { malformed } from "../read/malformed-record.ts";

const TWO_32 = 2 ** 32;
const MAX_VARINT_BYTES = 10;

/** Wire types of protobuf (protobuf.dev/programming-guides/encoding, "Message Structure"). */
export const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/**
 * Reads protobuf's wire format field by field, without a schema and without an object a value. What it gives of bytes are views.
 *
 * Every method throws `input.malformed` where the bytes end too early or are no such field.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The varint that was read last, as two words. */
  low = 0;
  high = 0;
  /** Number and wire type of the field that `next` found. */
  field = 0;
  wire = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Where the next byte is read. */
  get at(): number {
    return this.#at;
  }

  /** Reads the tag of the next field; false at the end. */
  next(): boolean {
    if (this.isAtEnd) return false;
    this.varint();
    if (this.high !== 0) throw malformed("a field has a number beyond 2^29");
    this.field = this.low >>> 3;
    this.wire = this.low & 7;
    return true;
  }

  /** The field's content is bytes, and these are they. */
  content(): Uint8Array {
    if (this.wire !== WIRE.length) throw malformed(`field ${this.field} has wire type ${this.wire}`);
    this.varint();
    const end = this.#at + this.low;
    if (this.high !== 0 || end > this.#bytes.length) throw malformed(`field ${this.field} ends beyond its message`);
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return content;
  }

  /** The field's content is an integer of 0 .. 2^53 - 1, and this is it. */
  uint(): number {
    if (this.wire !== WIRE.varint) throw malformed(`field ${this.field} has wire type ${this.wire}`);
    return this.packedUint();
  }

  /** The field's content is a sint64 within +-2^53, and this is it. */
  sint(): number {
    if (this.wire !== WIRE.varint) throw malformed(`field ${this.field} has wire type ${this.wire}`);
    return this.zigzag();
  }

  /** Passes over the field's content, and gives the bytes from `start` to its end: with `start` before its tag the whole field. */
  skip(start: number): Uint8Array {
    switch (this.wire) {
      case WIRE.varint:
        this.varint();
        break;
      case WIRE.length:
        this.content();
        break;
      case WIRE.fixed64:
      case WIRE.fixed32:
        this.#at += this.wire === WIRE.fixed64 ? 8 : 4;
        break;
      default:
        throw malformed(`field ${this.field} has wire type ${this.wire}`);
    }
    if (this.#at > this.#bytes.length) throw malformed(`field ${this.field} ends beyond its message`);
    return this.#bytes.subarray(start, this.#at);
  }

  /** The next `count` bytes. */
  bytes(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw malformed("the bytes end within values");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** The bytes of the next `count` varints. */
  varints(count: number): Uint8Array {
    const bytes = this.#bytes;
    let end = this.#at;
    for (let left = count; left > 0; end++) {
      if (end >= bytes.length) throw malformed("the bytes end within values");
      if (bytes[end] < 128) left -= 1;
    }
    return this.bytes(end - this.#at);
  }

  /** Reads one packed uint of 0 .. 2^53 - 1. */
  packedUint(): number {
    this.varint();
    return this.#safe(this.high * TWO_32 + this.low);
  }

  /** Reads one packed sint64 within +-2^53. */
  zigzag(): number {
    this.varint();
    this.unzigzag();
    return this.#safe((this.high | 0) * TWO_32 + this.low);
  }

  /** Turns the varint that was read last from a sint64 into its two's complement. */
  unzigzag(): void {
    const sign = -(this.low & 1);
    this.low = (((this.low >>> 1) | (this.high << 31)) ^ sign) >>> 0;
    this.high = ((this.high >>> 1) ^ sign) >>> 0;
  }

  /** Reads one varint of up to 64 bits into `low` and `high`. */
  varint(): void {
    const bytes = this.#bytes;
    let low = 0;
    let high = 0;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      if (this.#at >= bytes.length) throw malformed("the bytes end within a number");
      const byte = bytes[this.#at];
      this.#at += 1;
      const shift = count * 7;
      if (shift < 28) low |= (byte & 127) << shift;
      else if (shift === 28) {
        low |= (byte & 127) << 28;
        high |= (byte & 127) >> 4;
      } else high |= (byte & 127) << (shift - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw malformed(`a number is longer than ${MAX_VARINT_BYTES} bytes`);
  }

  #safe(value: number): number {
    if (!Number.isSafeInteger(value)) throw malformed(`field ${this.field} is beyond 2^53`);
    return value;
  }
}
