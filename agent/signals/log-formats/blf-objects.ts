import { largestId } from "../../ports/arbitration-id.ts";
import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG, FRAME_MAX_DATA_BYTES } from "../../ports/frame.ts";
import { BLF_EXTENDED, BLF_FD, BLF_FD64, BLF_REMOTE, BLF_SENT, BLF_TYPE } from "./blf-layout.ts";
import { unknownError } from "./error-frame.ts";
import { lengthOfDlc } from "./log-words.ts";

/** Where one object lies in the bytes of a container, and what its header says. `bodyAt` is behind the header. */
export type BlfObject = {
  readonly type: number;
  readonly startAt: number;
  readonly bodyAt: number;
  readonly endAt: number;
  readonly receivedAtUs: number;
};

/** The channel that an object is of, from 1 on, its frame, and whether the recorder sent it. */
export type ChannelFrame = { readonly channel: number; readonly frame: CanFrame; readonly sent?: true | undefined };

/** Bytes of the body that must be there; the data of the 64-byte forms may be cut off. */
const LEAST_BYTES: Readonly<Record<number, number>> = {
  [BLF_TYPE.canMessage]: 16,
  [BLF_TYPE.canMessage2]: 16,
  [BLF_TYPE.canError]: 2,
  [BLF_TYPE.canErrorExt]: 32,
  [BLF_TYPE.canFdMessage]: 20,
  [BLF_TYPE.canFdMessage64]: 40,
  [BLF_TYPE.canFdError64]: 1,
};

/** The frame of an object; undefined for one that is no frame, and what is wrong as text. */
export function frameOf(view: DataView, bytes: Uint8Array, object: BlfObject): ChannelFrame | string | undefined {
  const { type, bodyAt: at, endAt } = object;
  const least = LEAST_BYTES[type];
  if (least === undefined) return undefined;
  if (endAt - at < least)
    return `an object of type ${type} with a body of ${endAt - at} bytes, at least ${least} are needed`;
  switch (type) {
    case BLF_TYPE.canMessage:
    case BLF_TYPE.canMessage2:
      return classic(view, bytes, object);
    case BLF_TYPE.canFdMessage:
      return fd(view, bytes, object);
    case BLF_TYPE.canFdMessage64:
      return fd64(view, bytes, object);
    case BLF_TYPE.canErrorExt:
      return error(view, bytes, object);
    case BLF_TYPE.canFdError64:
      return { channel: view.getUint8(at), frame: unknownError(object.receivedAtUs) };
    default:
      return { channel: view.getUint16(at, true), frame: unknownError(object.receivedAtUs) };
  }
}

/** channel u16, flags u8, length code u8, id u32, 8 data bytes. */
function classic(view: DataView, bytes: Uint8Array, { bodyAt: at, receivedAtUs }: BlfObject): ChannelFrame | string {
  const word = view.getUint32(at + 4, true);
  const length = lengthOfDlc(Math.min(view.getUint8(at + 3), 15), false);
  const channel = { channel: view.getUint16(at, true), sent: sentBy(view.getUint8(at + 2)) };
  const isRemote = (view.getUint8(at + 2) & BLF_REMOTE) !== 0;
  const data = isRemote ? new Uint8Array(length) : bytes.slice(at + 8, at + 8 + length);
  return identified(channel, word, { flags: isRemote ? FRAME_FLAG.remote : 0, data, receivedAtUs });
}

/** channel u16, flags u8, length code u8, id u32, frame length u32, bits u8, FD flags u8, data length u8, 5 reserved, data. */
function fd(view: DataView, bytes: Uint8Array, object: BlfObject): ChannelFrame | string {
  const { bodyAt: at, receivedAtUs } = object;
  const word = view.getUint32(at + 4, true);
  const channel = { channel: view.getUint16(at, true), sent: sentBy(view.getUint8(at + 2)) };
  const dlc = view.getUint8(at + 3);
  const told = view.getUint8(at + 13);
  if ((view.getUint8(at + 2) & BLF_REMOTE) !== 0) {
    const data = new Uint8Array(lengthOfDlc(Math.min(dlc, 15), false));
    return identified(channel, word, { flags: FRAME_FLAG.remote, data, receivedAtUs });
  }
  const isFd = (told & BLF_FD.fd) !== 0;
  const flags = isFd ? fdFlags((told & BLF_FD.bitRateSwitch) !== 0, (told & BLF_FD.errorStateIndicator) !== 0) : 0;
  const data = dataOf(bytes, at + 20, object.endAt, view.getUint8(at + 14), isFd);
  return typeof data === "string" ? data : identified(channel, word, { flags, data, receivedAtUs });
}

/**
 * channel u8, length code u8, data length u8, transmissions u8, id u32, frame length u32, flags u32, 20 bytes of bit timing and
 * offsets, bits u16, direction u8, offset of the extension u8, crc u32, data. The data end where the extension begins (from the
 * start of the object) or with the object; what is missing of the length is zero, as CANoe shows it.
 */
function fd64(view: DataView, bytes: Uint8Array, object: BlfObject): ChannelFrame | string {
  const { bodyAt: at, startAt, receivedAtUs } = object;
  const word = view.getUint32(at + 4, true);
  const channel = { channel: view.getUint8(at), sent: sentBy(view.getUint8(at + 34)) };
  const told = view.getUint32(at + 12, true);
  if ((told & BLF_FD64.remote) !== 0) {
    const data = new Uint8Array(lengthOfDlc(Math.min(view.getUint8(at + 1), 15), false));
    return identified(channel, word, { flags: FRAME_FLAG.remote, data, receivedAtUs });
  }
  const isFd = (told & BLF_FD64.fd) !== 0;
  const flags = isFd ? fdFlags((told & BLF_FD64.bitRateSwitch) !== 0, (told & BLF_FD64.errorStateIndicator) !== 0) : 0;
  const extension = view.getUint8(at + 35);
  const endAt = extension === 0 ? object.endAt : Math.min(object.endAt, startAt + extension);
  const data = dataOf(bytes, at + 40, endAt, view.getUint8(at + 2), isFd);
  return typeof data === "string" ? data : identified(channel, word, { flags, data, receivedAtUs });
}

/**
 * channel u16, length u16, flags u32, error code u8, position u8, length code u8, reserved u8, frame length u32, id u32, more flags
 * u16, 2 reserved, 8 data bytes. Vector's tools say by the flags which of these they know, and the id is that of the frame
 * that was disturbed. Without any flag it is python-can's, or ours: id and data are those of a SocketCAN error frame.
 */
function error(view: DataView, bytes: Uint8Array, { bodyAt: at, receivedAtUs }: BlfObject): ChannelFrame {
  const channel = view.getUint16(at, true);
  const id = view.getUint32(at + 16, true) & largestId(true);
  if (view.getUint32(at + 4, true) !== 0 || id === 0) return { channel, frame: unknownError(receivedAtUs) };
  const data = new Uint8Array(CLASSIC_MAX_DATA_BYTES);
  data.set(bytes.subarray(at + 24, at + 24 + lengthOfDlc(Math.min(view.getUint8(at + 10), 15), false)));
  return { channel, frame: { id, flags: FRAME_FLAG.error, data, receivedAtUs } };
}

function fdFlags(bitRateSwitch: boolean, errorState: boolean): number {
  const switched = bitRateSwitch ? FRAME_FLAG.bitRateSwitch : 0;
  return FRAME_FLAG.fd | switched | (errorState ? FRAME_FLAG.errorStateIndicator : 0);
}

function dataOf(bytes: Uint8Array, at: number, endAt: number, length: number, isFd: boolean): Uint8Array | string {
  const most = isFd ? FRAME_MAX_DATA_BYTES : CLASSIC_MAX_DATA_BYTES;
  if (length > most) return `a frame of ${length} data bytes, at most ${most} are possible`;
  const data = new Uint8Array(length);
  data.set(bytes.subarray(at, Math.max(at, Math.min(at + length, endAt))));
  return data;
}

function identified(
  { channel, sent }: Omit<ChannelFrame, "frame">,
  word: number,
  rest: Omit<CanFrame, "id">,
): ChannelFrame | string {
  const isExtended = (word & BLF_EXTENDED) !== 0;
  const id = word & largestId(true);
  if (!isExtended && id > largestId(false))
    return `an id of 11 bits is at most 7FF, found ${id.toString(16).toUpperCase()}`;
  const flags = rest.flags | (isExtended ? FRAME_FLAG.extended : 0);
  return { channel, frame: { id, flags, data: rest.data, receivedAtUs: rest.receivedAtUs }, sent };
}

/** True for a frame that the recorder sent. */
function sentBy(flags: number): true | undefined {
  return (flags & BLF_SENT) === 0 ? undefined : true;
}
