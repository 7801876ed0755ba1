/** A record of TLS has 16 kB at most: written one by one, each would wait for the thread pool. Larger blocks are no faster. */
const BLOCK_BYTES = { min: 16_384, max: 262_144 } as const;

/** As a FileHandle of node:fs writes: perhaps less than it is given. */
export type BlockFile = {
  write(block: Uint8Array, offset: number, length: number, at: number): Promise<{ readonly bytesWritten: number }>;
};

/**
 * Appends pieces to a file in blocks: one is filled while the other is written, so that the network and the disk do not wait for each other
 * until the disk is a whole block behind. What holds memory is those two blocks.
 */
export class BlockWriter {
  readonly #file: BlockFile;
  #filling: Uint8Array;
  #spare: Uint8Array;
  #filledBytes = 0;
  #writtenBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `wantedBytes` is how large a block is to be, within bounds. */
  constructor(file: BlockFile, wantedBytes: number) {
    this.#file = file;
    const bytes = Math.min(BLOCK_BYTES.max, Math.max(BLOCK_BYTES.min, Math.floor(wantedBytes)));
    this.#filling = new Uint8Array(bytes);
    this.#spare = new Uint8Array(bytes);
  }

  /** So much of the file is with the system, without a gap; what is on its way does not count. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Goes on from this place in the file; nothing may be on its way. */
  continueAt(bytes: number): void {
    this.#writtenBytes = bytes;
  }

  /** Drops what is not written yet, and waits for what is being written, whether that goes well or not. */
  async abandon(): Promise<void> {
    this.#filledBytes = 0;
    // Whoever waited for it has heard of it.
    await this.#writing.catch(() => undefined);
    this.#writing = Promise.resolve();
  }

  /** Takes a copy. Rejects with the system's error of an earlier block. */
  async append(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + this.#filling.length - this.#filledBytes);
      this.#filling.set(taken, this.#filledBytes);
      this.#filledBytes += taken.length;
      at += taken.length;
      if (this.#filledBytes === this.#filling.length) await this.#turn();
    }
  }

  /** Waits until all of it is written. Rejects with the system's error. */
  async drain(): Promise<void> {
    if (this.#filledBytes > 0) await this.#turn();
    await this.#writing;
  }

  async #turn(): Promise<void> {
    await this.#writing;
    const block = this.#filling.subarray(0, this.#filledBytes);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filledBytes = 0;
    this.#writing = this.#write(block);
    // Whoever waits for the block hears of it.
    this.#writing.catch(() => undefined);
  }

  /** A disk that is nearly full takes a part of it. */
  async #write(block: Uint8Array): Promise<void> {
    for (let at = 0; at < block.length; ) {
      const { bytesWritten } = await this.#file.write(block, at, block.length - at, this.#writtenBytes);
      at += bytesWritten;
      this.#writtenBytes += bytesWritten;
    }
  }
}
