const TWO_32 = 2 ** 32;
const MAX_VARINT_BYTES = 10;
const FIRST_CAPACITY_BYTES = 4096;
const utf8 = new TextEncoder();

/** Wire types of protobuf (protobuf.dev/programming-guides/encoding, "Message Structure"). */
const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/**
 * Writes protobuf's wire format into one growing buffer: fields in the order they are called, nested messages between `begin` and `end`.
 *
 * Reused by `reset`. It knows no schema: field numbers and types are the caller's.
 * Source: protobuf.dev/programming-guides/encoding.
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #open: { start: number; width: number }[] = [];

  /** Forgets what was written; the buffer is kept. */
  reset(): void {
    this.#at = 0;
    this.#open.length = 0;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** uint32, uint64 (0..2^53), bool and enum fields. Zero is left out, as proto3 does for fields without presence. */
  uintField(field: number, value: number): void {
    if (value !== 0) this.presentUintField(field, value);
  }

  /** Like `uintField`, for a field with presence (`optional`): zero is written. */
  presentUintField(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.varint, 0);
    this.#varint(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  /** sint32 and sint64 fields, for integers of magnitude below 2^53. Zero is left out. */
  sintField(field: number, value: number): void {
    if (value !== 0) this.presentSintField(field, value);
  }

  /** Like `sintField`, for a field with presence (`optional`): zero is written. */
  presentSintField(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.varint, 0);
    this.sint(value);
  }

  /** sint64 fields, for integers of any size, modulo 2^64. Zero is left out. */
  sint64Field(field: number, value: number | bigint): void {
    if (typeof value === "number" && Number.isSafeInteger(value)) return this.sintField(field, value);
    this.presentSint64Field(field, BigInt(value));
  }

  /** sint64 fields with presence (`optional`), modulo 2^64. */
  presentSint64Field(field: number, value: bigint): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.varint, 0);
    this.sint64(Number(BigInt.asUintN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** uint64 fields with presence (`optional`), modulo 2^64. */
  presentUint64Field(field: number, value: bigint): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.varint, 0);
    this.#varint(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** float fields with presence (`optional`): `value` rounded to IEEE 754 single. */
  presentFloatField(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.fixed32, 0);
    this.float(value);
  }

  /** double fields. Positive zero is left out. */
  doubleField(field: number, value: number): void {
    if (!Object.is(value, 0)) this.presentDoubleField(field, value);
  }

  /** Like `doubleField`, for a field with presence (`optional`): zero is written. */
  presentDoubleField(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.fixed64, 0);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** string fields, as UTF-8. The empty string is left out. */
  stringField(field: number, text: string): void {
    if (text !== "") this.presentStringField(field, text);
  }

  /** Like `stringField`, for a field with presence (`optional`): the empty string is written. */
  presentStringField(field: number, text: string): void {
    this.bytesField(field, utf8.encode(text));
  }

  /** bytes fields, and nested messages that are encoded already; written even when empty. */
  bytesField(field: number, bytes: Uint8Array): void {
    this.#reserve(20 + bytes.length);
    this.#varint(field * 8 + WIRE.length, 0);
    this.#varint(bytes.length, 0);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Bytes as they are, without tag or length: fields encoded elsewhere. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /**
   * Opens a nested message or a packed field; `end` closes it. `expectedBytes` is a guess of the content's length: the closer,
   * the more often nothing has to be moved when the length is filled in.
   */
  begin(field: number, expectedBytes: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + WIRE.length, 0);
    const width = varintBytes(expectedBytes);
    this.#at += width;
    this.#open.push({ start: this.#at, width });
  }

  /** Closes what the last `begin` opened. */
  end(): void {
    const opened = this.#open.pop();
    if (opened === undefined) throw new TypeError("ProtobufWriter.end without begin");
    const { start, width } = opened;
    const length = this.#at - start;
    const needed = varintBytes(length);
    if (needed !== width) {
      this.#reserve(needed);
      this.#bytes.copyWithin(start + needed - width, start, this.#at);
    }
    this.#at = start - width;
    this.#varint(length, 0);
    this.#at += length;
  }

  /** One packed uint32. */
  uint(value: number): void {
    this.#reserve(5);
    this.#varint32(value);
  }

  /** One packed uint64, 0..2^53. */
  uint64(value: number): void {
    this.#reserve(10);
    this.#varint(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  /** One packed sint64, for integers of magnitude up to 2^62. */
  sint(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      this.#reserve(5);
      this.#varint32(((value << 1) ^ (value >> 31)) >>> 0);
    } else {
      this.sint64(value >>> 0, Math.floor(value / TWO_32) | 0);
    }
  }

  /** Packed sint64: the difference of each value after the first from the one before; all of magnitude up to 2^53. */
  deltas(values: Float64Array): void {
    this.#reserve(values.length * MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    let last = values[0];
    for (let index = 1; index < values.length; index++) {
      const value = values[index];
      const delta = value - last;
      last = value;
      // Most differences fit one byte, and this loop is where the encoder spends its time.
      if (delta >= -64 && delta < 64) {
        bytes[at] = (delta << 1) ^ (delta >> 31);
        at += 1;
      } else {
        this.#at = at;
        this.sint(delta);
        at = this.#at;
      }
    }
    this.#at = at;
  }

  /** A packed field of uint32 or enum, written even when empty. */
  packedUints(field: number, values: readonly number[]): void {
    this.begin(field, values.length);
    for (const value of values) this.uint(value);
    this.end();
  }

  /** A packed field of sint32 or sint64 with the difference of each value from the one before, of the first from `previous`; written even when empty. */
  packedDeltas(field: number, values: readonly number[], previous: number): void {
    this.begin(field, values.length);
    let last = previous;
    for (const value of values) {
      this.sint(value - last);
      last = value;
    }
    this.end();
  }

  /** One packed sint64 given as the two halves of its two's complement; bits above 32 are ignored. */
  sint64(low: number, high: number): void {
    const sign = high >> 31;
    this.#reserve(10);
    this.#varint(((low << 1) ^ sign) >>> 0, (((high << 1) | (low >>> 31)) ^ sign) >>> 0);
  }

  /** One packed float: `value` rounded to IEEE 754 single. */
  float(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  /** One packed double. */
  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  #varint32(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest > 127) {
      bytes[at] = (rest & 127) | 128;
      at += 1;
      rest >>>= 7;
    }
    bytes[at] = rest;
    this.#at = at + 1;
  }

  #varint(low: number, high: number): void {
    let rest = low;
    let above = high;
    while (above !== 0) {
      this.#bytes[this.#at] = (rest & 127) | 128;
      this.#at += 1;
      rest = ((rest >>> 7) | (above << 25)) >>> 0;
      above >>>= 7;
    }
    this.#varint32(rest);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
