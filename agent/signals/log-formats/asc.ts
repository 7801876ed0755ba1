import {
  type CanFrame,
  CLASSIC_MAX_DATA_BYTES,
  FRAME_FLAG,
  FRAME_MAX_DATA_BYTES,
  isDataLength,
} from "../../ports/frame.ts";
import { parseAscDate } from "./asc-date.ts";
import { ASC_FLAG } from "./asc-words.ts";
import { readChannelRemark } from "./channels.ts";
import { unknownError } from "./error-frame.ts";
import { channelName, LineError, type LineParser, type LogLine, malformed } from "./log-line.ts";
import { LogWords, lengthOfDlc } from "./log-words.ts";

const BLANK: LogLine = { kind: "blank" };
const MAX_CHANNEL = 65_535;
/** Behind the data: duration of the frame, its length in bits, then the flags. */
const FLAGS_BEHIND_DATA = 2;

/**
 * Vector's ASC log, a line at a time: classic and FD frames, remote and error frames, `base hex` or `dec`, times since the start or
 * since the event before. The start is the date of the trigger block, or of the header; without one that can be read the
 * times are since 1970. Statistics, states of the controller, transport protocols, LIN, FlexRay, transmit requests and remarks are
 * no frames. An error frame has no class in this format; it gets CAN_ERR_BUSERROR, as asc2log gives it. A direction of Tx says that the recorder sent the frame.
 *
 * Sources: can-utils asc2log.c, python-can io/asc.py, and files of CANalyzer 9 to 12 (python-can test/data).
 */
export class AscParser implements LineParser {
  #base = 16;
  #isRelative = false;
  /** The time that offsets count from, and that of the newest event. */
  #startUs = 0;
  #nowUs = 0;
  /** Offset of the newest event; a later trigger block either goes on from it or begins again. */
  #lastOffsetUs = 0;
  #blockUs: number | undefined;
  #hasBlock = false;
  readonly #names = new Map<number, string>();

  parse(line: string): LogLine {
    try {
      const at = line.search(/\S/);
      if (at < 0) return BLANK;
      const code = line.charCodeAt(at);
      const isEvent = (code >= 0x30 && code <= 0x39) || code === 0x2d;
      return isEvent ? this.#event(new LogWords(line)) : this.#header(line, at);
    } catch (error) {
      return malformed(error);
    }
  }

  #header(line: string, at: number): LogLine {
    const text = line.slice(at, at + 200).trimEnd();
    const own = text.startsWith("// ") ? readChannelRemark(text.slice(3)) : undefined;
    if (own !== undefined) this.#names.set(own[0], own[1]);
    const base = /^base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?/i.exec(text);
    if (base !== null) {
      this.#base = base[1].toLowerCase() === "dec" ? 10 : 16;
      this.#isRelative = base[2]?.toLowerCase() === "relative";
    }
    const date = /^(?:date|(begin)\s+triggerblock)\s+(\S.*)$/i.exec(text);
    if (date !== null) this.#begin(parseAscDate(date[2]), date[1] !== undefined, at);
    return BLANK;
  }

  /** Throws when the date makes no sense. */
  #begin(dateUs: number | undefined, isBlock: boolean, at: number): void {
    if (dateUs === undefined) {
      throw new LineError(at, "the date cannot be read; times go on from the start before, or from 1970");
    }
    if (isBlock && this.#hasBlock) {
      this.#blockUs = dateUs;
      return;
    }
    this.#hasBlock ||= isBlock;
    this.#startUs = dateUs;
    this.#nowUs = dateUs;
  }

  #event(words: LogWords): LogLine {
    const receivedAtUs = this.#time(words);
    const kind = words.at(1);
    if (kind === "CANFD") return this.#fd(words, receivedAtUs);
    return /^\d{1,5}$/.test(kind) ? this.#classic(words, receivedAtUs) : BLANK;
  }

  /** Every event moves the time on, whether it is a frame or not. */
  #time(words: LogWords): number {
    const match = /^(-?)(\d{1,10})(?:\.(\d{1,12}))?$/.exec(words.at(0));
    if (match === null) throw words.error(0, "expected a time in seconds");
    const us = Number(match[2]) * 1_000_000 + Number((match[3] ?? "").padEnd(6, "0").slice(0, 6));
    const offsetUs = match[1] === "-" ? -us : us;
    if (this.#blockUs !== undefined && offsetUs < this.#lastOffsetUs) this.#startUs = this.#blockUs;
    this.#blockUs = undefined;
    this.#lastOffsetUs = offsetUs;
    this.#nowUs = Math.max(0, (this.#isRelative ? this.#nowUs : this.#startUs) + offsetUs);
    return this.#nowUs;
  }

  #classic(words: LogWords, receivedAtUs: number): LogLine {
    const bus = this.#bus(words, 1);
    if (/^ErrorFrame/i.test(words.at(2))) return framed(bus, unknownError(receivedAtUs));
    if (!/^[rt]x$/i.test(words.at(3))) return BLANK;
    const sent = sentBy(words.at(3));
    const { id, flags } = this.#id(words, 2);
    switch (words.at(4).toLowerCase()) {
      case "d": {
        const length = lengthOfDlc(words.number(5, this.#base, 15, "a length code"), false);
        return framed(bus, { id, flags, data: words.bytes(6, length, this.#base), receivedAtUs }, sent);
      }
      case "r": {
        const length = /^[0-9a-f]{1,2}$/i.test(words.at(5)) ? Number.parseInt(words.at(5), this.#base) : 0;
        const data = new Uint8Array(Math.min(length || 0, CLASSIC_MAX_DATA_BYTES));
        return framed(bus, { id, flags: flags | FRAME_FLAG.remote, data, receivedAtUs }, sent);
      }
      default:
        return BLANK;
    }
  }

  #fd(words: LogWords, receivedAtUs: number): LogLine {
    if (!/^\d{1,5}$/.test(words.at(2)) || !/^[rt]x$/i.test(words.at(3))) return BLANK;
    const bus = this.#bus(words, 2);
    if (/^ErrorFrame/i.test(words.at(4))) return framed(bus, unknownError(receivedAtUs));
    const sent = sentBy(words.at(3));
    const { id, flags } = this.#id(words, 4);
    // The name of the message may stand between its id and the bits.
    const at = /^[01]$/.test(words.at(5)) ? 5 : 6;
    const bitRateSwitch =
      words.number(at, 10, 1, "the bit of the bit rate switch") === 1 ? FRAME_FLAG.bitRateSwitch : 0;
    const errorState =
      words.number(at + 1, 10, 1, "the bit of the error state") === 1 ? FRAME_FLAG.errorStateIndicator : 0;
    const dlc = words.number(at + 2, 16, 15, "a length code");
    const length = words.number(at + 3, 10, FRAME_MAX_DATA_BYTES, "a data length");
    const told = this.#fdFlags(words, at + 4 + length + FLAGS_BEHIND_DATA, dlc, length);
    if ((told & ASC_FLAG.remote) !== 0) {
      const data = new Uint8Array(lengthOfDlc(dlc, false));
      return framed(bus, { id, flags: flags | FRAME_FLAG.remote, data, receivedAtUs }, sent);
    }
    // Some of Vector's files leave the flags at 0: what no classic frame can have tells too.
    const isFd = (told & ASC_FLAG.fd) !== 0 || bitRateSwitch + errorState > 0 || length > CLASSIC_MAX_DATA_BYTES;
    if (!isDataLength(length, isFd)) throw words.error(at + 3, `${length} data bytes do not fit such a frame`);
    const fdFlags = isFd ? FRAME_FLAG.fd | bitRateSwitch | errorState : 0;
    const data = words.bytes(at + 4, length, this.#base);
    return framed(bus, { id, flags: flags | fdFlags, data, receivedAtUs }, sent);
  }

  /** The flags behind the data; where there are none, a length code without data is that of a remote frame. */
  #fdFlags(words: LogWords, index: number, dlc: number, length: number): number {
    const word = words.at(index);
    if (/^[0-9a-f]{1,8}$/i.test(word)) return Number.parseInt(word, 16);
    return length === 0 && dlc > 0 ? ASC_FLAG.remote : ASC_FLAG.fd;
  }

  #id(words: LogWords, index: number): { readonly id: number; readonly flags: number } {
    const word = words.at(index);
    const isExtended = /x$/i.test(word);
    return words.id(index, isExtended ? word.slice(0, -1) : word, this.#base, isExtended);
  }

  #bus(words: LogWords, index: number): string {
    const channel = words.number(index, 10, MAX_CHANNEL, "a channel");
    return this.#names.get(channel) ?? channelName(channel);
  }
}

function framed(bus: string, frame: CanFrame, sent?: true): LogLine {
  return { kind: "frame", bus, frame, timed: true, sent };
}

/** True for a frame that the recorder sent. */
function sentBy(direction: string): true | undefined {
  return direction.toLowerCase() === "tx" ? true : undefined;
}
