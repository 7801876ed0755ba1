import { largestId } from "../../ports/arbitration-id.ts";
import { CLASSIC_MAX_DATA_BYTES, FRAME_FLAG } from "../../ports/frame.ts";
import { LineError } from "./log-line.ts";

/** Data bytes by the length code of the frame (ISO 11898-1:2015, table 5). */
const DLC_LENGTHS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];

/** Data bytes that a length code of 0..15 stands for; 9 and more are 8 in a classic frame. */
export function lengthOfDlc(dlc: number, isFd: boolean): number {
  const length = DLC_LENGTHS[dlc] ?? 0;
  return isFd ? length : Math.min(length, CLASSIC_MAX_DATA_BYTES);
}

/** The length code for so many data bytes; that of the next larger length where there is none. */
export function dlcOfLength(bytes: number): number {
  const dlc = DLC_LENGTHS.findIndex((length) => length >= bytes);
  return dlc < 0 ? DLC_LENGTHS.length - 1 : dlc;
}

/** The words of one line of a log in columns. Every reading names the word it fails at. */
export class LogWords {
  readonly #line: string;
  readonly #words: readonly string[];

  constructor(line: string) {
    this.#line = line;
    this.#words = line.trim().split(/\s+/);
  }

  get count(): number {
    return this.#words.length;
  }

  /** Empty past the end of the line. */
  at(index: number): string {
    return this.#words[index] ?? "";
  }

  error(index: number, problem: string): LineError {
    return new LineError(this.#startOf(index), problem);
  }

  /** A whole number of at most `most`, in `base` 10 or 16. */
  number(index: number, base: number, most: number, what: string): number {
    const word = this.at(index);
    const digits = base === 10 ? /^\d{1,10}$/ : /^[0-9a-f]{1,8}$/i;
    const value = digits.test(word) ? Number.parseInt(word, base) : Number.NaN;
    if (value <= most) return value;
    if (word === "") throw this.error(index, `expected ${what}, found the end of the line`);
    const kind = base === 10 ? "a number" : "a hexadecimal number";
    throw this.error(
      index,
      `expected ${what}, ${kind} of at most ${most.toString(base).toUpperCase()}, found ${word.slice(0, 32)}`,
    );
  }

  /** The arbitration id in `digits`, which the word at `index` holds, with its flag. */
  id(
    index: number,
    digits: string,
    base: number,
    isExtended: boolean,
  ): { readonly id: number; readonly flags: number } {
    const isNumber = (base === 10 ? /^\d{1,10}$/ : /^[0-9a-f]{1,8}$/i).test(digits);
    if (!isNumber) throw this.error(index, `expected an arbitration id, found ${digits.slice(0, 32)}`);
    const id = Number.parseInt(digits, base);
    const largest = largestId(isExtended);
    if (id <= largest) return { id, flags: isExtended ? FRAME_FLAG.extended : 0 };
    const bits = isExtended ? 29 : 11;
    throw this.error(
      index,
      `an id of ${bits} bits is at most ${largest.toString(16).toUpperCase()}, found ${digits} (${base === 10 ? "decimal" : "hexadecimal"})`,
    );
  }

  /** `length` data bytes, a word each. */
  bytes(from: number, length: number, base: number): Uint8Array {
    const data = new Uint8Array(length);
    for (let index = 0; index < length; index += 1) {
      const word = this.at(from + index);
      const value = (base === 10 ? /^\d{1,3}$/ : /^[0-9a-f]{1,2}$/i).test(word) ? Number.parseInt(word, base) : 256;
      if (value > 255)
        throw this.error(
          from + index,
          `expected ${length} data bytes, found ${index} and then ${word === "" ? "the end of the line" : word.slice(0, 32)}`,
        );
      data[index] = value;
    }
    return data;
  }

  #startOf(index: number): number {
    const words = this.#line.matchAll(/\S+/g);
    let at = 0;
    for (const word of words) {
      if (at === index) return word.index;
      at += 1;
    }
    return this.#line.trimEnd().length;
  }
}
