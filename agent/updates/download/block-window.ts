/** Which blocks one request is for. Block i of a file holds the bytes from i * `blockBytes` on; the last one may be short. */
export type BlockRange = {
  readonly first: number;
  readonly count: number;
  readonly blockBytes: number;
  readonly totalBytes: number;
};

/** The blocks of one request as they come: in any order, twice, or of another request. */
export class BlockWindow {
  readonly first: number;
  readonly count: number;
  readonly #range: BlockRange;
  readonly #payloads = new Map<number, Uint8Array>();

  constructor(range: BlockRange) {
    this.#range = range;
    this.first = range.first;
    this.count = range.count;
  }

  /** A block that is not wanted, or not as long as it must be, is passed over. */
  put(index: number, payload: Uint8Array): void {
    const { first, count, blockBytes, totalBytes } = this.#range;
    const isWanted = index >= first && index < first + count && !this.#payloads.has(index);
    const wantedBytes = Math.min(blockBytes, totalBytes - index * blockBytes);
    if (isWanted && payload.length === wantedBytes) this.#payloads.set(index, payload);
  }

  received(): number {
    return this.#payloads.size;
  }

  isWhole(): boolean {
    return this.#payloads.size === this.count;
  }

  /** Bit k, from the low bit of the first byte on, is set for block `first` + k (AWS IoT, MQTT-based file delivery, GetStream). */
  missing(): Uint8Array {
    const bitmap = new Uint8Array(Math.ceil(this.count / 8));
    for (let k = 0; k < this.count; k++) {
      if (!this.#payloads.has(this.first + k)) bitmap[k >> 3] |= 1 << (k & 7);
    }
    return bitmap;
  }

  /** Place in the file and bytes of each block, in the order of the file. */
  *payloads(): Generator<readonly [at: number, payload: Uint8Array]> {
    for (let index = this.first; index < this.first + this.count; index++) {
      const payload = this.#payloads.get(index);
      if (payload !== undefined) yield [index * this.#range.blockBytes, payload];
    }
  }
}
