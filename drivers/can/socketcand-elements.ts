/** No element is longer: an fdframe with a 29-bit id and data bytes apart from each other takes 240. */
export const MAX_ELEMENT_BYTES = 512;

const SPACE = 0x20;
const OPEN = 0x3c;
const CLOSE = 0x3e;

/** Takes one element: bytes `start` (the first after "<") to `end` (the ">") of `bytes`, valid during the call only. */
export type ElementSink = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Cuts a byte stream into elements. What stands between elements, and an element longer than `MAX_ELEMENT_BYTES`, is skipped
 * and counted; nothing more than one element is ever kept.
 */
export class ElementReader {
  readonly #sink: ElementSink;
  #rest: Uint8Array = new Uint8Array();
  #skipped = 0;

  constructor(sink: ElementSink) {
    this.#sink = sink;
  }

  /** Bytes that belonged to no element, white space apart. */
  get skippedBytes(): number {
    return this.#skipped;
  }

  feed(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const open = bytes.indexOf(OPEN, at);
      this.#skip(bytes, at, open === -1 ? bytes.length : open);
      if (open === -1) break;
      const close = bytes.indexOf(CLOSE, open);
      if (close === -1) {
        this.#keep(bytes, open);
        return;
      }
      if (close - open <= MAX_ELEMENT_BYTES) this.#sink(bytes, open + 1, close);
      else this.#skipped += close - open + 1;
      at = close + 1;
    }
    this.#rest = new Uint8Array();
  }

  /** An element that is too long already is given up; its remainder is skipped up to the next "<". */
  #keep(bytes: Uint8Array, open: number): void {
    if (bytes.length - open > MAX_ELEMENT_BYTES) {
      this.#skipped += bytes.length - open;
      this.#rest = new Uint8Array();
    } else {
      this.#rest = bytes.slice(open);
    }
  }

  #skip(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      if (bytes[at] > SPACE) this.#skipped += 1;
    }
  }
}

/** The words of an element that is no frame: ["error", "could", "not", "open", "bus"]. */
export function wordsOf(bytes: Uint8Array, start: number, end: number): readonly string[] {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    .toString("latin1")
    .split(" ")
    .filter((word) => word !== "");
}
