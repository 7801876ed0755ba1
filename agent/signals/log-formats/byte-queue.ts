const FIRST_BYTES = 65_536;

/** Bytes that come in pieces and go in other pieces. They are copied in; what is handed out is valid until the next `add`. */
export class ByteQueue {
  #buffer = new Uint8Array(FIRST_BYTES);
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  add(chunk: Uint8Array): void {
    if (this.#to + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  /** The first `count` bytes, which must be there. */
  bytes(count: number): Uint8Array {
    return this.#buffer.subarray(this.#from, this.#from + count);
  }

  view(count: number): DataView {
    return new DataView(this.#buffer.buffer, this.#from, count);
  }

  drop(count: number): void {
    this.#from += count;
  }

  /** Offset of the first four bytes that are `word` in little-endian order; -1 when there are none. */
  indexOf(word: number): number {
    const view = this.view(this.length);
    for (let at = 0; at + 4 <= this.length; at += 1) if (view.getUint32(at, true) === word) return at;
    return -1;
  }

  #makeRoom(bytes: number): void {
    const { length } = this;
    const target = length + bytes <= this.#buffer.length / 2 ? this.#buffer : new Uint8Array(2 * (length + bytes));
    target.set(this.#buffer.subarray(this.#from, this.#to));
    this.#buffer = target;
    this.#from = 0;
    this.#to = length;
  }
}
