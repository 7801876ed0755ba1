import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG } from "../../ports/frame.ts";
import { ERROR_BIT, FD_BRS, FD_ESI, FD_FDF } from "./candump-bits.ts";

/** A frame as `candump -l` writes it, without the line end: `(1735270496.916858) can0 110#00112233`. */
export function formatCandumpLog(bus: string, frame: CanFrame): string {
  return `(${formatTime(frame.receivedAtUs)}) ${bus} ${formatCansend(frame)}`;
}

/** A frame as candump shows it live, without a time and without the line end: `  vcan0  1F0   [8]  80 4A 00 00 00 00 00 00`. */
export function formatCandumpLive(bus: string, frame: CanFrame): string {
  const { flags, data } = frame;
  const fd = (flags & FRAME_FLAG.fd) !== 0;
  const length = fd ? `[${String(data.length).padStart(2, "0")}]` : ` [${data.length}]`;
  const head = `  ${bus}  ${formatId(frame)}  ${length} `;
  if ((flags & FRAME_FLAG.remote) !== 0) return `${head} remote request`;
  const bytes = Array.from(data, (byte) => ` ${hexByte(byte)}`).join("");
  if ((flags & FRAME_FLAG.error) === 0) return head + bytes;
  return head + bytes + "ERRORFRAME".padStart(3 * (CLASSIC_MAX_DATA_BYTES - data.length) + 13);
}

/** A frame as cansend takes it: `123#DEADBEEF`, `00000123#R8`, `123##5112233`. */
export function formatCansend(frame: CanFrame): string {
  const { flags, data } = frame;
  const id = formatId(frame);
  if ((flags & FRAME_FLAG.remote) !== 0) return `${id}#R${data.length === 0 ? "" : data.length}`;
  const bytes = Array.from(data, hexByte).join("");
  if ((flags & FRAME_FLAG.fd) === 0) return `${id}#${bytes}`;
  const bitRateSwitch = (flags & FRAME_FLAG.bitRateSwitch) === 0 ? 0 : FD_BRS;
  const errorState = (flags & FRAME_FLAG.errorStateIndicator) === 0 ? 0 : FD_ESI;
  return `${id}##${(FD_FDF + bitRateSwitch + errorState).toString(16).toUpperCase()}${bytes}`;
}

function formatId({ id, flags }: CanFrame): string {
  if ((flags & FRAME_FLAG.error) !== 0) return hex(ERROR_BIT + id, 8);
  return hex(id, (flags & FRAME_FLAG.extended) === 0 ? 3 : 8);
}

function formatTime(us: number): string {
  const whole = Math.floor(us);
  const seconds = Math.floor(whole / 1_000_000);
  return `${String(seconds).padStart(10, "0")}.${String(whole - seconds * 1_000_000).padStart(6, "0")}`;
}

function hexByte(byte: number): string {
  return hex(byte, 2);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
