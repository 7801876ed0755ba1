const EMPTY = Buffer.alloc(0);

/** Bytes that come in pieces, as one buffer: however small the pieces are, a byte is copied a few times at most. */
export class JoinedBytes {
  #room: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  /** What is there, in one piece. What it gave before stays as it was. */
  get bytes(): Buffer {
    return this.#room.subarray(this.#start, this.#end);
  }

  /** `chunk` must not change any more. */
  push(chunk: Buffer): void {
    if (this.#start === this.#end) {
      this.#hold(chunk, chunk.length);
      return;
    }
    if (this.#end + chunk.length > this.#room.length) this.#grow(chunk.length);
    chunk.copy(this.#room, this.#end);
    this.#end += chunk.length;
  }

  /** Forgets the first `count` bytes, of those that are there. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#hold(EMPTY, 0);
  }

  #grow(moreBytes: number): void {
    const kept = this.bytes;
    const room = Buffer.allocUnsafeSlow(2 * (kept.length + moreBytes));
    kept.copy(room);
    this.#hold(room, kept.length);
  }

  #hold(room: Buffer, bytes: number): void {
    this.#room = room;
    this.#start = 0;
    this.#end = bytes;
  }
}
