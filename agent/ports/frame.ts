/** Flag bits of one frame in a `FrameBatch`. BRS and ESI are set on FD frames only (ISO 11898-1:2015, 10.4.2). */
export const FRAME_FLAG = {
  extended: 0x01,
  remote: 0x02,
  error: 0x04,
  fd: 0x08,
  bitRateSwitch: 0x10,
  errorStateIndicator: 0x20,
} as const;

/** Bytes one frame takes in a `FrameBatch`; the receive addon writes the same layout. */
export const FRAME_STRIDE_BYTES = 80;
/** Offset of the data bytes inside one frame of a `FrameBatch`. */
export const FRAME_DATA_OFFSET = 16;
/** Most data bytes one frame carries (CAN FD). */
export const FRAME_MAX_DATA_BYTES = 64;
/** Most data bytes of a classic frame. */
export const CLASSIC_MAX_DATA_BYTES = 8;
/** Data bytes that a CAN FD frame may have (ISO 11898-1:2015, table 5). */
const FD_LENGTHS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, FRAME_MAX_DATA_BYTES];

/** One frame as an object, for everything that is not the frame path (CLI, transmit, log files, tests). */
export type CanFrame = {
  /** Arbitration id: 11 bits, or 29 bits when `flags` has `extended`. For an error frame: the error class bits (linux/can/error.h). */
  readonly id: number;
  /** Sum of `FRAME_FLAG` bits. */
  readonly flags: number;
  /** 0..8 bytes, 0..64 when `flags` has `fd`. For a remote frame: zeros, as many as its DLC asks for. */
  readonly data: Uint8Array;
  /** Receive time, µs since the Unix epoch (kernel time where the driver has it). */
  readonly receivedAtUs: number;
};

/**
 * Frames side by side in one buffer, so that a driver hands over thousands in one call and no object a frame is made.
 *
 * Frame i starts at byte i * 80: float64 receivedAtUs (µs since the Unix epoch), uint32 id, uint8 flags (`FRAME_FLAG`),
 * uint8 length (data bytes present), 2 bytes zero, 64 data bytes (those past `length` are zero). Native byte order.
 * The driver owns the buffer: the content is valid only during the callback that delivers it.
 */
export class FrameBatch {
  readonly capacity: number;
  /** The whole buffer as bytes; data of frame i starts at i * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  count = 0;
  /**
   * Wall time less boottime (`Clock.boottimeMs`), µs, of the clock that stamped the frames, read not before the last of them came;
   * undefined where the driver cannot know, or stamps by the agent's own clock.
   */
  clockOffsetUs: number | undefined;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity * FRAME_STRIDE_BYTES);
    this.capacity = capacity;
    this.bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  receivedAtUs(index: number): number {
    return this.#times[index * 10];
  }

  id(index: number): number {
    return this.#words[index * 20 + 2];
  }

  flags(index: number): number {
    return this.bytes[index * FRAME_STRIDE_BYTES + 12];
  }

  length(index: number): number {
    return this.bytes[index * FRAME_STRIDE_BYTES + 13];
  }

  /** Adds one frame; the caller must check `count < capacity` first. `data` longer than 64 bytes is a bug. */
  push(id: number, flags: number, data: Uint8Array, receivedAtUs: number): void {
    const at = this.count * FRAME_STRIDE_BYTES;
    this.#times[this.count * 10] = receivedAtUs;
    this.#words[this.count * 20 + 2] = id;
    this.bytes[at + 12] = flags;
    this.bytes[at + 13] = data.length;
    this.bytes.fill(0, at + FRAME_DATA_OFFSET, at + FRAME_STRIDE_BYTES);
    this.bytes.set(data, at + FRAME_DATA_OFFSET);
    this.count += 1;
  }

  /** Puts frame `from` in the place of frame `to`, which is lost. */
  copyFrame(from: number, to: number): void {
    const at = from * FRAME_STRIDE_BYTES;
    this.bytes.copyWithin(to * FRAME_STRIDE_BYTES, at, at + FRAME_STRIDE_BYTES);
  }

  /** Frame `index` as an object with its own copy of the data. */
  frame(index: number): CanFrame {
    const start = index * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
    return {
      id: this.id(index),
      flags: this.flags(index),
      data: this.bytes.slice(start, start + this.length(index)),
      receivedAtUs: this.receivedAtUs(index),
    };
  }
}

/** Whether a frame can have so many data bytes: 0..8, those of CAN FD when `isFd`. */
export function isDataLength(bytes: number, isFd: boolean): boolean {
  return isFd ? FD_LENGTHS.includes(bytes) : bytes <= CLASSIC_MAX_DATA_BYTES;
}

/** The frame with its data filled up with zeros to a length that CAN FD has; the same frame when it has one, or is no FD frame. */
export function paddedToFdLength(frame: CanFrame): CanFrame {
  const { flags, data: short } = frame;
  if ((flags & FRAME_FLAG.fd) === 0 || isDataLength(short.length, true)) return frame;
  const data = new Uint8Array(FD_LENGTHS.find((length) => length > short.length) ?? FRAME_MAX_DATA_BYTES);
  data.set(short);
  return { ...frame, data };
}
