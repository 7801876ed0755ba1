/** Data bytes of a packet, but for the first of a fast packet. */
const PACKET_BYTES = 7;

/** What is known of a message from its first frame. */
export type PartialShape = {
  readonly pgn: number;
  readonly sizeBytes: number;
  /** Data bytes of the first packet: 7, in a fast packet 6. */
  readonly firstBytes: number;
  /** Longest time to the next frame, µs. */
  readonly patienceUs: number;
};

/** The packets of one message as they come, in any order. */
export class PartialMessage {
  readonly shape: PartialShape;
  /** All of its bytes; 0 where the packet has not come. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly packets: number;
  /** Receive time of the newest frame, µs since the Unix epoch. */
  lastUs: number;
  readonly #held: Uint8Array;
  #missing: number;

  constructor(shape: PartialShape, beganAtUs: number) {
    const { sizeBytes, firstBytes } = shape;
    this.shape = shape;
    this.bytes = new Uint8Array(sizeBytes);
    this.packets = 1 + Math.ceil(Math.max(0, sizeBytes - firstBytes) / PACKET_BYTES);
    this.lastUs = beganAtUs;
    this.#held = new Uint8Array(this.packets);
    this.#missing = this.packets;
  }

  /** Data bytes of packet `number`, from 0; the last packet may be shorter than the others. */
  bytesOf(number: number): number {
    const full = number === 0 ? this.shape.firstBytes : PACKET_BYTES;
    return Math.min(full, this.shape.sizeBytes - this.#offsetOf(number));
  }

  /** Whether too long a time has passed. When the wall clock stepped back none has. */
  isOver(nowUs: number): boolean {
    return nowUs - this.lastUs > this.shape.patienceUs;
  }

  /** Takes packet `number`, whose bytes begin at `from[at]`. One that comes again must be the same: otherwise it is of another message. */
  put(number: number, from: Uint8Array, at: number): "part" | "whole" | "conflicting" {
    const isRepeat = this.#held[number] === 1;
    const offset = this.#offsetOf(number);
    const count = this.bytesOf(number);
    for (let index = 0; index < count; index++) {
      if (isRepeat && this.bytes[offset + index] !== from[at + index]) return "conflicting";
      this.bytes[offset + index] = from[at + index];
    }
    if (isRepeat) return "part";
    this.#held[number] = 1;
    this.#missing -= 1;
    return this.#missing === 0 ? "whole" : "part";
  }

  #offsetOf(number: number): number {
    return number === 0 ? 0 : this.shape.firstBytes + (number - 1) * PACKET_BYTES;
  }
}
