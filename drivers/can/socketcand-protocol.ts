import { largestId } from "../../agent/ports/arbitration-id.ts";
import {
  type CanFrame,
  CLASSIC_MAX_DATA_BYTES,
  FRAME_FLAG,
  FRAME_MAX_DATA_BYTES,
  type FrameBatch,
} from "../../agent/ports/frame.ts";
import { FieldReader } from "./socketcand-fields.ts";

/*
 * The text protocol of socketcand in raw mode (socketcand, doc/protocol.md and src/state_raw.c).
 *
 * Elements are `< keyword ... >`. Frames arrive as `< frame ID SECONDS.MICROS HEX >` and are sent as `< send ID LENGTH B B ... >`;
 * an id of 3 digits is an 11-bit id, one of 8 digits a 29-bit id. Error frames arrive as `< error CLASS SECONDS.MICROS >`; the
 * data bytes that may follow are an addition of ours. CAN FD follows socketcand's branch rawmode-canfd:
 * `< fdframe ID FLAGS SECONDS.MICROS HEX >` and `< fdsend ID FLAGS LENGTH B B ... >` with the flag bits of struct canfd_frame.
 * There are no remote frames.
 */

/** CANFD_BRS and CANFD_ESI (linux/can.h, struct canfd_frame). */
const FD_FLAG = { bitRateSwitch: 0x01, errorStateIndicator: 0x02 } as const;
const MAX_ID_DIGITS = 8;

const KEYWORD = {
  frame: Buffer.from("frame"),
  fdframe: Buffer.from("fdframe"),
  send: Buffer.from("send"),
  fdsend: Buffer.from("fdsend"),
  error: Buffer.from("error"),
} as const;

/** "other" is an element of another kind; "malformed" one that begins like a frame and makes no sense. */
export type Parsed = "frame" | "error-frame" | "other" | "malformed";

/** Reads what a server sends in raw mode. One per connection; makes no object a frame. */
export class FrameParser {
  readonly #fields = new FieldReader();
  /** Views of the first 0..64 data bytes. */
  readonly #views = Array.from({ length: FRAME_MAX_DATA_BYTES + 1 }, (_, length) =>
    this.#fields.data.subarray(0, length),
  );

  /** Adds the frame in bytes `start` to `end` to `batch`, which must have room. */
  parse(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): Parsed {
    const fields = this.#fields;
    fields.open(bytes, start, end);
    if (fields.keyword(KEYWORD.frame)) return this.#frame(batch, false);
    if (fields.keyword(KEYWORD.fdframe)) return this.#frame(batch, true);
    if (fields.keyword(KEYWORD.error)) return this.#errorFrame(batch);
    return "other";
  }

  #frame(batch: FrameBatch, isFd: boolean): Parsed {
    const fields = this.#fields;
    const id = fields.hex(MAX_ID_DIGITS);
    const extended = fields.digits > 3;
    const flags = (extended ? FRAME_FLAG.extended : 0) + (isFd ? fdFlags(fields.hex(2)) : 0);
    const timeUs = fields.timeUs();
    const length = fields.pairs();
    if (!fields.ok || id > largestId(extended) || (!isFd && length > CLASSIC_MAX_DATA_BYTES)) return "malformed";
    batch.push(id, flags, this.#views[length], timeUs);
    return "frame";
  }

  /** The same keyword begins the server's complaints: "< error unknown command >". */
  #errorFrame(batch: FrameBatch): Parsed {
    const fields = this.#fields;
    const id = fields.hex(MAX_ID_DIGITS);
    const timeUs = fields.timeUs();
    const length = fields.pairs();
    if (!fields.ok || id > largestId(true) || length > CLASSIC_MAX_DATA_BYTES) return "other";
    batch.push(id, FRAME_FLAG.error, this.#views[length], timeUs);
    return "error-frame";
  }
}

/** Reads a client's `send` or `fdsend`: the frame with receive time 0, "other", or "malformed". */
export function parseSend(
  fields: FieldReader,
  bytes: Uint8Array,
  start: number,
  end: number,
): CanFrame | "other" | "malformed" {
  fields.open(bytes, start, end);
  const isFd = fields.keyword(KEYWORD.fdsend);
  if (!isFd && !fields.keyword(KEYWORD.send)) return "other";
  const id = fields.hex(MAX_ID_DIGITS);
  const extended = fields.digits > 3;
  const flags = (extended ? FRAME_FLAG.extended : 0) + (isFd ? fdFlags(fields.hex(2)) : 0);
  const length = fields.decimal(2);
  fields.separateBytes(length);
  if (!fields.ok || id > largestId(extended) || (!isFd && length > CLASSIC_MAX_DATA_BYTES)) return "malformed";
  return { id, flags, data: fields.data.slice(0, length), receivedAtUs: 0 };
}

function fdFlags(bits: number): number {
  return (
    FRAME_FLAG.fd +
    ((bits & FD_FLAG.bitRateSwitch) === 0 ? 0 : FRAME_FLAG.bitRateSwitch) +
    ((bits & FD_FLAG.errorStateIndicator) === 0 ? 0 : FRAME_FLAG.errorStateIndicator)
  );
}

/** `< send ... >` or `< fdsend ... >`, as a client sends it. Not for remote and error frames: the protocol has neither. */
export function formatSend(frame: CanFrame): string {
  const isFd = (frame.flags & FRAME_FLAG.fd) !== 0;
  let text = `< ${isFd ? "fdsend" : "send"} ${formatId(frame)} ${isFd ? `${formatFdFlags(frame)} ` : ""}${frame.data.length} `;
  for (const byte of frame.data) text += `${byte.toString(16)} `;
  return `${text}>`;
}

/** `< frame ... >`, `< fdframe ... >` or `< error ... >`, as a server sends it. Not for remote frames. */
export function formatReceived(frame: CanFrame): string {
  const time = formatTime(frame.receivedAtUs);
  if ((frame.flags & FRAME_FLAG.error) !== 0) {
    return `< error ${frame.id.toString(16).toUpperCase().padStart(3, "0")} ${time} ${formatPairs(frame.data)} >`;
  }
  if ((frame.flags & FRAME_FLAG.fd) !== 0) {
    return `< fdframe ${formatId(frame)} ${formatFdFlags(frame)} ${time} ${formatPairs(frame.data)} >`;
  }
  return `< frame ${formatId(frame)} ${time} ${formatPairs(frame.data)} >`;
}

function formatId(frame: CanFrame): string {
  const digits = (frame.flags & FRAME_FLAG.extended) === 0 ? 3 : 8;
  return frame.id.toString(16).toUpperCase().padStart(digits, "0");
}

function formatFdFlags(frame: CanFrame): string {
  const bits =
    ((frame.flags & FRAME_FLAG.bitRateSwitch) === 0 ? 0 : FD_FLAG.bitRateSwitch) +
    ((frame.flags & FRAME_FLAG.errorStateIndicator) === 0 ? 0 : FD_FLAG.errorStateIndicator);
  return bits.toString(16).padStart(2, "0");
}

function formatTime(us: number): string {
  const whole = Math.floor(us);
  const seconds = Math.floor(whole / 1e6);
  return `${seconds}.${String(whole - seconds * 1e6).padStart(6, "0")}`;
}

function formatPairs(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString("hex").toUpperCase();
}
