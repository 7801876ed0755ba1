import { deflateSync } from "node:zlib";
import { type CanFrame, FRAME_FLAG, paddedToFdLength } from "../../ports/frame.ts";
import { BLF, BLF_EXTENDED, BLF_FD, BLF_HEADER, BLF_REMOTE, BLF_SENT, BLF_TIME, BLF_TYPE } from "./blf-layout.ts";
import { Channels, channelRemark } from "./channels.ts";
import type { LogEncoder } from "./log-encoder.ts";
import { dlcOfLength } from "./log-words.ts";
import { writeSystemTime } from "./system-time.ts";

/** Vector's tools make containers of this size, bytes before compression. */
const CONTAINER_BYTES = 131_072;
/** Header of an object of version 1. */
const HEADER_BYTES = 32;
const SECOND_US = 1_000_000;
const APP_TEXT_BYTES = 16;
/** Frames are many and alike: level 1 halves the time of level 6 for a tenth more bytes. */
const COMPRESSION_LEVEL = 1;

/**
 * Writes a BLF log of containers with CAN_MESSAGE, CAN_FD_MESSAGE and CAN_ERROR_EXT objects (the class and data of an error frame as
 * python-can keeps them), remarks as APP_TEXT. It starts at the full second before its first frame. Its first bytes are a
 * header without the counts and the end, which python-can and `readLog` do not need; `header` gives the whole one.
 */
export class BlfEncoder implements LogEncoder {
  readonly #channels = new Channels();
  readonly #objects = new ObjectBuffer();
  #containers: Uint8Array[] = [];
  #containerBytes = 0;
  #startUs: number | undefined;
  #newestUs = 0;
  #moved = 0;
  /** Remarks before the first frame, without which there is no time for them. */
  #early: string[] = [];
  #objectCount = 0;
  #fileBytes: number = BLF.fileHeaderBytes;
  #allBytes: number = BLF.fileHeaderBytes;

  get waitingBytes(): number {
    return this.#containerBytes + this.#objects.length;
  }

  get moved(): number {
    return this.#moved;
  }

  write(bus: string, frame: CanFrame, sent = false): void {
    const timeUs = Math.max(0, Math.floor(frame.receivedAtUs));
    const startUs = this.#startOf(timeUs);
    if (timeUs < startUs) this.#moved += 1;
    this.#newestUs = Math.max(timeUs, startUs);
    const { channel, isNew } = this.#channels.of(bus);
    if (isNew) this.#text(channelRemark(channel, bus));
    this.#frame(channel, paddedToFdLength(frame), this.#newestUs - startUs, sent);
    if (this.#objects.length >= CONTAINER_BYTES) this.#closeContainer();
  }

  remark(text: string): void {
    if (this.#startUs === undefined) this.#early.push(text);
    else this.#text(text);
  }

  take(): Uint8Array {
    this.#closeContainer();
    const bytes = Buffer.concat(this.#containers);
    this.#containers = [];
    this.#containerBytes = 0;
    return bytes;
  }

  end(): Uint8Array {
    this.#startOf(0);
    return this.take();
  }

  header(): Uint8Array {
    return this.#header(this.#fileBytes, this.#allBytes, this.#newestUs);
  }

  #startOf(timeUs: number): number {
    if (this.#startUs !== undefined) return this.#startUs;
    this.#startUs = timeUs - (timeUs % SECOND_US);
    this.#newestUs = this.#startUs;
    this.#containers.push(this.#header(BLF.fileHeaderBytes, BLF.fileHeaderBytes, 0));
    this.#containerBytes += BLF.fileHeaderBytes;
    for (const text of this.#early.splice(0)) this.#text(text);
    return this.#startUs;
  }

  #frame(channel: number, frame: CanFrame, offsetUs: number, sent: boolean): void {
    if ((frame.flags & FRAME_FLAG.error) !== 0) return this.#errorFrame(channel, frame, offsetUs);
    const isFd = (frame.flags & FRAME_FLAG.fd) !== 0;
    const { bytes, view, at } = this.#object(
      isFd ? BLF_TYPE.canFdMessage : BLF_TYPE.canMessage,
      isFd ? 84 : 16,
      offsetUs,
    );
    view.setUint16(at, channel, true);
    view.setUint8(at + 2, ((frame.flags & FRAME_FLAG.remote) === 0 ? 0 : BLF_REMOTE) | (sent ? BLF_SENT : 0));
    view.setUint8(at + 3, dlcOfLength(frame.data.length));
    view.setUint32(at + 4, idWord(frame), true);
    if (isFd) {
      view.setUint8(at + 13, fdFlags(frame.flags));
      view.setUint8(at + 14, frame.data.length);
    }
    bytes.set(frame.data, at + (isFd ? 20 : 8));
  }

  #errorFrame(channel: number, { id, data }: CanFrame, offsetUs: number): void {
    const { bytes, view, at } = this.#object(BLF_TYPE.canErrorExt, 32, offsetUs);
    view.setUint16(at, channel, true);
    view.setUint8(at + 10, data.length);
    view.setUint32(at + 16, id, true);
    bytes.set(data, at + 24);
  }

  #text(text: string): void {
    const content = Buffer.from(text.slice(0, 1000));
    const padded = content.length + ((4 - (content.length % 4)) % 4);
    const { bytes, view, at } = this.#object(
      BLF_TYPE.appText,
      APP_TEXT_BYTES + padded,
      this.#newestUs - (this.#startUs ?? 0),
    );
    view.setUint32(at + 8, padded, true);
    bytes.set(content, at + APP_TEXT_BYTES);
  }

  /** Room for an object, with its header written. */
  #object(type: number, bodyBytes: number, offsetUs: number): Room {
    const room = this.#objects.add(HEADER_BYTES + bodyBytes);
    const { view, at } = room;
    view.setUint32(at, BLF.objectSignature, true);
    view.setUint16(at + 4, HEADER_BYTES, true);
    view.setUint16(at + 6, 1, true);
    view.setUint32(at + 8, HEADER_BYTES + bodyBytes, true);
    view.setUint32(at + 12, type, true);
    view.setUint32(at + 16, BLF_TIME.nanoseconds, true);
    view.setBigUint64(at + 24, BigInt(offsetUs) * 1000n, true);
    this.#objectCount += 1;
    return { ...room, at: at + HEADER_BYTES };
  }

  #closeContainer(): void {
    const content = this.#objects.take();
    if (content.length === 0) return;
    const packed = deflateSync(content, { level: COMPRESSION_LEVEL });
    const headerBytes = BLF.objectHeaderBytes + BLF.containerHeaderBytes;
    const bytes = headerBytes + packed.length;
    // Filling as readers expect it: as much as the size is past a multiple of four.
    const container = new Uint8Array(bytes + (bytes % 4));
    const view = new DataView(container.buffer);
    view.setUint32(0, BLF.objectSignature, true);
    view.setUint16(4, BLF.objectHeaderBytes, true);
    view.setUint16(6, 1, true);
    view.setUint32(8, bytes, true);
    view.setUint32(12, BLF_TYPE.container, true);
    view.setUint16(16, BLF.zlib, true);
    view.setUint32(24, content.length, true);
    container.set(packed, headerBytes);
    this.#containers.push(container);
    this.#containerBytes += container.length;
    this.#fileBytes += container.length;
    this.#allBytes += headerBytes + content.length;
  }

  #header(fileBytes: number, allBytes: number, endUs: number): Uint8Array {
    const header = new Uint8Array(BLF.fileHeaderBytes);
    const view = new DataView(header.buffer);
    view.setUint32(0, BLF.fileSignature, true);
    view.setUint32(BLF_HEADER.headerBytes, BLF.fileHeaderBytes, true);
    header.set(VERSIONS, BLF_HEADER.versions);
    view.setBigUint64(BLF_HEADER.fileBytes, BigInt(fileBytes), true);
    view.setBigUint64(BLF_HEADER.allBytes, BigInt(allBytes), true);
    view.setUint32(BLF_HEADER.objects, this.#objectCount, true);
    writeSystemTime(view, BLF_HEADER.startTime, this.#startUs ?? 0);
    writeSystemTime(view, BLF_HEADER.endTime, endUs);
    return header;
  }
}

/** Application 0 (none of Vector's), its version, then the version of the format that python-can writes too. */
const VERSIONS = [0, 0, 0, 0, 2, 6, 8, 1] as const;

type Room = { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number };

/** Objects side by side, filled with zeros. */
class ObjectBuffer {
  readonly #bytes = new Uint8Array(2 * CONTAINER_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Less than CONTAINER_BYTES at a time, and never more than that without a `take` in between. */
  add(bytes: number): Room {
    const at = this.#length;
    this.#length += bytes;
    this.#bytes.fill(0, at, this.#length);
    return { bytes: this.#bytes, view: this.#view, at };
  }

  /** Valid until the next `add`. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

function idWord({ id, flags }: CanFrame): number {
  return (flags & FRAME_FLAG.extended) === 0 ? id : id + BLF_EXTENDED;
}

function fdFlags(flags: number): number {
  const isSwitched = (flags & FRAME_FLAG.bitRateSwitch) !== 0;
  const isPassive = (flags & FRAME_FLAG.errorStateIndicator) !== 0;
  return BLF_FD.fd + (isSwitched ? BLF_FD.bitRateSwitch : 0) + (isPassive ? BLF_FD.errorStateIndicator : 0);
}
