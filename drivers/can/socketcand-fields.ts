import { FRAME_MAX_DATA_BYTES } from "../../agent/ports/frame.ts";

const SPACE = 0x20;
const DOT = 0x2e;

/** Reads the fields of one element, byte by byte and without an object a frame. A fault makes `ok` false and stays. */
export class FieldReader {
  /** False once a field was not what it should be. */
  ok = true;
  /** Digits of the last hexadecimal field. */
  digits = 0;
  /** Bytes of the last `pairs` or `bytes`. */
  readonly data = new Uint8Array(FRAME_MAX_DATA_BYTES);
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;

  /** Begins with bytes `start` to `end` (excluded) of `bytes`. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.ok = true;
  }

  /** Goes to the next field; false at the end of the element. */
  next(): boolean {
    while (this.#at < this.#end && this.#bytes[this.#at] <= SPACE) this.#at += 1;
    return this.#at < this.#end;
  }

  /** Skips `word` when it is the next field. */
  keyword(word: Uint8Array): boolean {
    if (!this.next() || this.#end - this.#at < word.length) return false;
    for (let index = 0; index < word.length; index += 1) {
      if (this.#bytes[this.#at + index] !== word[index]) return false;
    }
    const after = this.#at + word.length;
    if (after < this.#end && this.#bytes[after] > SPACE) return false;
    this.#at = after;
    return true;
  }

  /** A field of 1 to `maxDigits` hexadecimal digits. */
  hex(maxDigits: number): number {
    let value = 0;
    this.digits = 0;
    this.next();
    for (; this.#at < this.#end && this.#bytes[this.#at] > SPACE; this.#at += 1) {
      value = value * 16 + nibble(this.#bytes[this.#at]);
      this.digits += 1;
    }
    // A wrong digit is NaN and stays NaN.
    if (this.digits === 0 || this.digits > maxDigits || Number.isNaN(value)) this.ok = false;
    return value;
  }

  /** A field of 1 to `maxDigits` decimal digits. */
  decimal(maxDigits: number): number {
    this.next();
    return this.#decimalDigits(maxDigits);
  }

  /** A field "SECONDS.MICROS" as µs; digits past the microsecond are dropped. */
  timeUs(): number {
    const seconds = this.decimal(12);
    if (this.#bytes[this.#at] !== DOT) this.ok = false;
    this.#at += 1;
    const start = this.#at;
    const fraction = this.#decimalDigits(9);
    return seconds * 1e6 + Math.floor(fraction * 10 ** (6 - (this.#at - start)));
  }

  #decimalDigits(maxDigits: number): number {
    let value = 0;
    let digits = 0;
    for (; this.#at < this.#end && isDigit(this.#bytes[this.#at]); this.#at += 1) {
      value = value * 10 + this.#bytes[this.#at] - 0x30;
      digits += 1;
    }
    if (digits === 0 || digits > maxDigits) this.ok = false;
    return value;
  }

  /** Hexadecimal byte pairs up to the end, together or apart, into `data`. Returns how many. */
  pairs(): number {
    let count = 0;
    while (this.next()) {
      const value = nibble(this.#bytes[this.#at]) * 16 + nibble(this.#bytes[this.#at + 1]);
      if (this.#at + 1 >= this.#end || count === FRAME_MAX_DATA_BYTES || Number.isNaN(value)) {
        this.ok = false;
        return 0;
      }
      this.data[count] = value;
      count += 1;
      this.#at += 2;
    }
    return count;
  }

  /** `count` fields of one or two hexadecimal digits, and then the end, into `data`. */
  separateBytes(count: number): void {
    if (count > FRAME_MAX_DATA_BYTES) this.ok = false;
    for (let index = 0; index < count && this.ok; index += 1) this.data[index] = this.hex(2);
    if (this.next()) this.ok = false;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function nibble(byte: number): number {
  if (isDigit(byte)) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}
