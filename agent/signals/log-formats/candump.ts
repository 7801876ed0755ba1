import { largestId } from "../../ports/arbitration-id.ts";
import {
  type CanFrame,
  CLASSIC_MAX_DATA_BYTES,
  FRAME_FLAG,
  FRAME_MAX_DATA_BYTES,
  paddedToFdLength,
} from "../../ports/frame.ts";
import { ERROR_BIT, FD_BRS, FD_ESI } from "./candump-bits.ts";
import { LineError, type LogLine, type MalformedLine, malformed } from "./log-line.ts";

/**
 * Reads one line as `candump -l` (log), `candump -L` or `candump` (live) writes it, without its line end.
 *
 * Log: `(1735270496.916858) can0 110#00112233`; FD `120##5...`, where the digit holds BRS 1, ESI 2, FDF 4; remote `104#R` or `104#R8`; an
 * error frame has the id 0x20000000 plus its class. Three digits are an 11-bit id, eight a 29-bit one. The frame's direction (R or T)
 * may follow it, as `candump -x` writes it. Live: `vcan0  1F0   [8]  80 4A ...`, with a time in front or not. A time may be padded with spaces, as older
 * releases write it, or a date (`candump -tA`), which names no zone and is read as UTC. Digits of the time past the microsecond
 * are dropped. Format: can-utils, lib.c (parse_canframe, sprint_long_canframe) and candump.c (sprint_timestamp).
 */
export function parseCandump(line: string): LogLine {
  const start = skipSpace(line, 0);
  if (start === line.length || line.charCodeAt(start) === 0x23) return { kind: "blank" };
  try {
    return readLine(line, start);
  } catch (error) {
    return malformed(error);
  }
}

/** Reads the argument of cansend: `123#DEADBEEF`, `5AA#`, `1F334455#11.22.33`, `123##3112233`, `00000123#R8`. FD data is padded with zeros to a length that FD has. */
export function parseCansend(text: string): { readonly kind: "frame"; readonly frame: CanFrame } | MalformedLine {
  try {
    return { kind: "frame", frame: paddedToFdLength(readFrame(text, 0, text.length, 0)) };
  } catch (error) {
    return malformed(error);
  }
}

function readLine(line: string, start: number): LogLine {
  const timed = line[start] === "(";
  const timeEnd = timed ? line.indexOf(")", start) : start;
  if (timeEnd < 0) throw new LineError(start, "the time has no ')'");
  const receivedAtUs = timed ? readTime(line, start + 1, timeEnd) : 0;
  const busStart = skipSpace(line, timed ? timeEnd + 1 : start);
  const busEnd = tokenEnd(line, busStart);
  const bus = line.slice(busStart, busEnd);
  const at = skipSpace(line, busEnd);
  const end = tokenEnd(line, at);
  if (bus === "") throw new LineError(busStart, "expected a bus name");
  if (at === line.length) throw new LineError(at, "expected a frame after the bus name");
  const hash = line.indexOf("#", at);
  if (hash < 0 || hash >= end) {
    const sent = line.startsWith("TX ", at) || undefined;
    return { kind: "frame", bus, frame: readLiveFrame(line, at, receivedAtUs), timed, sent };
  }
  const sent = readDirection(line, end);
  return { kind: "frame", bus, frame: readFrame(line, at, end, receivedAtUs), timed, sent };
}

/** True for a frame that was sent (T), undefined for one that was received (R, or nothing said). Nothing else may follow a frame. Each space is looked at once, however many there are. */
function readDirection(line: string, from: number): true | undefined {
  const at = skipSpace(line, from);
  const end = line[at] === "R" || line[at] === "T" ? skipSpace(line, at + 1) : at;
  if (end < line.length) throw new LineError(at, "expected the end of the line");
  return line[at] === "T" ? true : undefined;
}

/** µs since the Unix epoch, exact: the parts are read as integers. */
function readTime(line: string, from: number, to: number): number {
  return readSeconds(line, from, to) ?? readAnyTime(line, from, to);
}

/** What nearly all logs have: up to ten digits, a dot, six digits. Undefined for any other. */
function readSeconds(line: string, from: number, to: number): number | undefined {
  const dot = to - 7;
  if (dot <= from || dot > from + 10 || line.charCodeAt(dot) !== 0x2e) return undefined;
  let time = 0;
  for (let at = from; at < to; at++) {
    if (at === dot) continue;
    const digit = line.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    time = time * 10 + digit;
  }
  return time;
}

function readAnyTime(line: string, from: number, to: number): number {
  const text = line.slice(skipSpace(line, from), to);
  const match = /^(?:(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)|(\d{1,11}))\.(\d{1,9})$/.exec(text);
  if (match === null) throw new LineError(from, "expected a time in seconds, such as 1735270496.916858");
  const [, date, time, seconds, fraction] = match;
  const wholeUs = date === undefined ? Number(seconds) * 1_000_000 : Date.parse(`${date}T${time}Z`) * 1000;
  if (Number.isNaN(wholeUs)) throw new LineError(from, `there is no ${text}`);
  return wholeUs + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function readFrame(line: string, from: number, to: number, receivedAtUs: number): CanFrame {
  const hash = line.indexOf("#", from);
  if (hash < 0 || hash >= to) throw new LineError(from, "expected <id>#<data>");
  const { id, flags } = readId(line, from, hash);
  const next = line[hash + 1];
  if (next === "R" || next === "r") {
    return { id, flags: flags | FRAME_FLAG.remote, data: readRemote(line, hash + 2, to), receivedAtUs };
  }
  if (next !== "#") {
    const end = withoutRawDlc(line, hash + 1, to);
    return { id, flags, data: readBytes(line, hash + 1, end, CLASSIC_MAX_DATA_BYTES), receivedAtUs };
  }
  if (hash + 2 >= to) throw new LineError(to, "expected the flags digit after ##");
  const fdFlags = digitAt(line, hash + 2);
  const data = readBytes(line, hash + 3, to, FRAME_MAX_DATA_BYTES);
  return { id, flags: flags | fdFlagsOf((fdFlags & FD_BRS) !== 0, (fdFlags & FD_ESI) !== 0), data, receivedAtUs };
}

function readId(line: string, from: number, to: number): { readonly id: number; readonly flags: number } {
  const digits = to - from;
  if (digits !== 3 && digits !== 8) {
    throw new LineError(from, `an id has 3 hexadecimal digits, or 8 for 29 bits; found ${digits}`);
  }
  let id = 0;
  for (let at = from; at < to; at++) id = id * 16 + digitAt(line, at);
  if (digits === 3) {
    if (id > largestId(false)) throw new LineError(from, "an id of 3 digits has 11 bits, at most 7FF");
    return { id, flags: 0 };
  }
  if (id >= ERROR_BIT * 2) throw new LineError(from, "an id has 29 bits, at most 1FFFFFFF");
  return id >= ERROR_BIT ? { id: id - ERROR_BIT, flags: FRAME_FLAG.error } : { id, flags: FRAME_FLAG.extended };
}

function readRemote(line: string, at: number, to: number): Uint8Array {
  const rest = /^([0-8]?)(?:_[0-9A-Fa-f])?$/.exec(line.slice(at, to));
  if (rest === null) throw new LineError(at, "expected a length of 0 to 8 after R");
  return new Uint8Array(Number(rest[1]));
}

/** Where the data end: can-utils can append _9 .. _F, the length code that stood on the bus for 8 bytes. */
function withoutRawDlc(line: string, from: number, to: number): number {
  return to - from >= 2 && line[to - 2] === "_" && /[9A-Fa-f]/.test(line[to - 1]) ? to - 2 : to;
}

function readBytes(line: string, from: number, to: number, most: number): Uint8Array {
  // As many as there are, unless dots stand between them.
  const data = new Uint8Array(Math.min(most, (to - from) >> 1));
  let length = 0;
  for (let at = from; at < to; at += 2) {
    if (line[at] === ".") at += 1;
    if (at === to) break;
    const high = digitAt(line, at);
    if (at + 1 >= to) throw new LineError(at, "a byte has two hexadecimal digits, found one");
    if (length === most) throw new LineError(at, `more than ${most} data bytes`);
    data[length] = high * 16 + digitAt(line, at + 1);
    length += 1;
  }
  return length === data.length ? data : data.slice(0, length);
}

function readLiveFrame(line: string, from: number, receivedAtUs: number): CanFrame {
  const match = /^(?:[RT]X +([B-]) +([E-]) +)?(\S+) +\[(\d{1,2})\]/.exec(line.slice(from));
  if (match === null) throw new LineError(from, "expected <id>#<data>, or <id> [<length>] <bytes>");
  const idAt = from + match[0].lastIndexOf(match[3]);
  const { id, flags } = readId(line, idAt, idAt + match[3].length);
  const length = Number(match[4]);
  let at = skipSpace(line, from + match[0].length);
  if (line.startsWith("remote request", at)) {
    if (length > CLASSIC_MAX_DATA_BYTES) throw new LineError(at, "a remote frame asks for at most 8 bytes");
    return { id, flags: flags | FRAME_FLAG.remote, data: new Uint8Array(length), receivedAtUs };
  }
  // Only FD frames have their length written with two digits.
  const fd = match[4].length === 2;
  if (length > (fd ? FRAME_MAX_DATA_BYTES : CLASSIC_MAX_DATA_BYTES))
    throw new LineError(at, `${length} data bytes are too many`);
  const data = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const end = tokenEnd(line, at);
    if (end - at !== 2) throw new LineError(at, `expected ${length} bytes of two digits, found ${index}`);
    data[index] = digitAt(line, at) * 16 + digitAt(line, at + 1);
    at = skipSpace(line, end);
  }
  return { id, flags: fd ? flags | fdFlagsOf(match[1] === "B", match[2] === "E") : flags, data, receivedAtUs };
}

function fdFlagsOf(bitRateSwitch: boolean, errorState: boolean): number {
  const switched = bitRateSwitch ? FRAME_FLAG.bitRateSwitch : 0;
  return FRAME_FLAG.fd | switched | (errorState ? FRAME_FLAG.errorStateIndicator : 0);
}

function digitAt(line: string, at: number): number {
  const code = line.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  const found = at < line.length ? `'${line[at]}'` : "the end of the line";
  throw new LineError(at, `expected a hexadecimal digit, found ${found}`);
}

function skipSpace(line: string, from: number): number {
  let at = from;
  while (at < line.length && isSpace(line.charCodeAt(at))) at += 1;
  return at;
}

function tokenEnd(line: string, from: number): number {
  let at = from;
  while (at < line.length && !isSpace(line.charCodeAt(at))) at += 1;
  return at;
}

/** Space, and tab to carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
