import { FRAME_MAX_DATA_BYTES } from "../../../ports/frame.ts";
import { type RecordMark, writeCampaign } from "./campaign-ref.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const FRAMES = {
  capture: 1,
  bus: 2,
  baseTimeUs: 3,
  deltas: 4,
  ids: 5,
  flags: 6,
  lengths: 7,
  data: 8,
  campaign: 9,
  trigger: 10,
} as const;
/** Most bytes of a frame besides its data: 8 of its time (up to 2^53), 5 of its id, 1 each of flags and length. */
const FRAME_BYTES = 15;
/** Bytes of a record besides its frames and names: 64, and what a campaign with the longest id takes (64 letters, 16 of its digest, numbers). */
const OVERHEAD_BYTES = 192;

/** Frames of one bus that wait to be a record. */
export class FrameLog {
  readonly capture: string;
  readonly bus: string;
  readonly #maxBytes: number;
  readonly #times: number[] = [];
  readonly #ids: number[] = [];
  readonly #flags: number[] = [];
  readonly #lengths: number[] = [];
  readonly #data: Uint8Array;
  #dataBytes = 0;

  /** `maxBodyBytes`: no record that is made of it is longer. */
  constructor(capture: string, bus: string, maxBodyBytes: number) {
    this.capture = capture;
    this.bus = bus;
    this.#maxBytes = maxBodyBytes - OVERHEAD_BYTES - Buffer.byteLength(capture) - Buffer.byteLength(bus);
    this.#data = new Uint8Array(Math.max(this.#maxBytes, FRAME_MAX_DATA_BYTES));
  }

  get count(): number {
    return this.#times.length;
  }

  /** Whether one more frame, of the longest kind, may not fit. */
  get isFull(): boolean {
    const bytes = this.#dataBytes + (this.count + 1) * FRAME_BYTES + FRAME_MAX_DATA_BYTES;
    return bytes > this.#maxBytes;
  }

  /** Takes a frame; its data is copied from `bytes[at] .. bytes[at + length - 1]`. Look at `isFull` before. */
  take(bytes: Uint8Array, at: number, length: number, id: number, flags: number, receivedAtUs: number): void {
    this.#times.push(Math.round(receivedAtUs));
    this.#ids.push(id);
    this.#flags.push(flags);
    this.#lengths.push(length);
    this.#data.set(bytes.subarray(at, at + length), this.#dataBytes);
    this.#dataBytes += length;
  }

  /** Writes the `Frames` message as field `field`; `mark` for those of a campaign. */
  write(writer: ProtobufWriter, field: number, mark?: RecordMark): void {
    const [baseTimeUs = 0] = this.#times;
    writer.begin(field, this.#dataBytes + this.count * FRAME_BYTES);
    writer.stringField(FRAMES.capture, this.capture);
    writer.stringField(FRAMES.bus, this.bus);
    writer.sintField(FRAMES.baseTimeUs, baseTimeUs);
    writer.packedDeltas(FRAMES.deltas, this.#times, baseTimeUs);
    writer.packedUints(FRAMES.ids, this.#ids);
    writer.packedUints(FRAMES.flags, this.#flags);
    writer.packedUints(FRAMES.lengths, this.#lengths);
    writer.bytesField(FRAMES.data, this.#data.subarray(0, this.#dataBytes));
    if (mark !== undefined) {
      writeCampaign(writer, FRAMES.campaign, mark.campaign);
      writer.uintField(FRAMES.trigger, mark.trigger);
    }
    writer.end();
  }
}
