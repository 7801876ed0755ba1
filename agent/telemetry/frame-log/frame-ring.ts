import { type CanFrame, FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, type FrameBatch } from "../../ports/frame.ts";

const WORDS = FRAME_STRIDE_BYTES / 4;
const HEAD_WORDS = FRAME_DATA_OFFSET / 4;
/** In the two bytes that a frame of a batch leaves free. */
const BUS_OFFSET = 14;

/** Frames of several buses between the frame path, which cannot wait, and a disk, which can be slow; made once, outside the JavaScript heap. */
export class FrameRing {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  #batchBytes: Uint8Array | undefined;
  #batchWords: Uint32Array = new Uint32Array(0);
  #first = 0;
  #count = 0;

  /** Holds as many frames as fit in `bytes`, at least one. */
  constructor(bytes: number) {
    this.capacity = Math.max(1, Math.floor(bytes / FRAME_STRIDE_BYTES));
    const buffer = new ArrayBuffer(this.capacity * FRAME_STRIDE_BYTES);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies frame `at` of a batch in; false when there is no room. `bus` is 0..255. */
  push(bus: number, batch: FrameBatch, at: number): boolean {
    if (this.#count === this.capacity) return false;
    if (this.#batchBytes !== batch.bytes) {
      this.#batchBytes = batch.bytes;
      this.#batchWords = new Uint32Array(batch.bytes.buffer, batch.bytes.byteOffset, batch.capacity * WORDS);
    }
    const slot = (this.#first + this.#count) % this.capacity;
    const from = at * WORDS;
    const to = slot * WORDS;
    const words = HEAD_WORDS + ((batch.length(at) + 3) >> 2);
    for (let word = 0; word < words; word += 1) this.#words[to + word] = this.#batchWords[from + word];
    this.#bytes[slot * FRAME_STRIDE_BYTES + BUS_OFFSET] = bus;
    this.#count += 1;
    return true;
  }

  /** The number of the bus of the oldest frame. */
  bus(): number {
    return this.#bytes[this.#first * FRAME_STRIDE_BYTES + BUS_OFFSET];
  }

  /** The oldest frame as an object; its data are valid until `drop`. */
  frame(): CanFrame {
    const at = this.#first * FRAME_STRIDE_BYTES;
    return {
      id: this.#words[this.#first * WORDS + 2],
      flags: this.#bytes[at + 12],
      data: this.#bytes.subarray(at + FRAME_DATA_OFFSET, at + FRAME_DATA_OFFSET + this.#bytes[at + 13]),
      receivedAtUs: this.#times[this.#first * (WORDS / 2)],
    };
  }

  /** Frees the oldest frame. */
  drop(): void {
    this.#first = (this.#first + 1) % this.capacity;
    this.#count -= 1;
  }
}
