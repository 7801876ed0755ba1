import {
  type CanFrame,
  CLASSIC_MAX_DATA_BYTES,
  FRAME_FLAG,
  FRAME_MAX_DATA_BYTES,
  isDataLength,
} from "../../ports/frame.ts";
import { parseAscDate } from "./asc-date.ts";
import { readChannelRemark } from "./channels.ts";
import { channelName, LineError, type LineParser, type LogLine, malformed } from "./log-line.ts";
import { LogWords, lengthOfDlc } from "./log-words.ts";
import { errorOfTrc } from "./trc-errors.ts";

const BLANK: LogLine = { kind: "blank" };
/** 1970-01-01 in days since 1899-12-30, from which a TRC file counts. */
const UNIX_EPOCH_DAYS = 25_569;
/** No word of a line: that of a column which the log does not have. */
const ABSENT = -1;
const MAX_CHANNEL = 65_535;
const DAY_US = 86_400_000_000;
/** Columns of the versions that do not name them: number, offset, type (which is the direction there), bus, id, reserved, length code; the data are last. */
const COLUMNS: Readonly<Record<string, string>> = {
  "1.0": "N,O,I,L,D",
  "1.1": "N,O,T,I,L,D",
  "1.3": "N,O,B,T,I,R,L,D",
};
/** Types of versions 2.0 and 2.1 that are data frames, with what they say. */
const FD_TYPES: Readonly<Record<string, number>> = {
  FD: FRAME_FLAG.fd,
  FB: FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch,
  FE: FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch | FRAME_FLAG.errorStateIndicator,
  BI: FRAME_FLAG.fd | FRAME_FLAG.errorStateIndicator,
};

/**
 * PEAK's TRC log of versions 1.0, 1.1, 1.3, 2.0 and 2.1, a line at a time. The start time names no zone and is read as UTC. Warnings,
 * states and counters are no frames; of an error frame (ER) its type is kept.
 *
 * Source: PEAK, PCAN trace file formats; files of PCAN-View 5 and PEAK-Converter 2 and 3 (python-can test/data).
 */
export class TrcParser implements LineParser {
  #startUs = 0;
  #columns = columnsOf(COLUMNS["1.0"]);
  readonly #names = new Map<number, string>();

  parse(line: string): LogLine {
    try {
      const at = line.search(/\S/);
      if (at < 0) return BLANK;
      return line[at] === ";" ? this.#header(line, at) : this.#row(new LogWords(line));
    } catch (error) {
      return malformed(error);
    }
  }

  #header(line: string, at: number): LogLine {
    const own = readChannelRemark(line.slice(at + 1, at + 100).trim());
    if (own !== undefined) this.#names.set(own[0], own[1]);
    const match = /^;(?:\$(FILEVERSION|STARTTIME|COLUMNS)=|\s*(Start time): *)(.*)$/.exec(
      line.slice(at, at + 200).trimEnd(),
    );
    if (match === null) return BLANK;
    const [, key, remark, value] = match;
    if (key === "FILEVERSION" && COLUMNS[value] !== undefined) this.#columns = columnsOf(COLUMNS[value]);
    if (key === "COLUMNS") this.#columns = columnsOf(value);
    if (key === "STARTTIME") this.#startUs = startTime(value, at);
    // Version 1.0 has its start in a remark alone: 18.12.2021 14:28:07.062, from later versions on with digits behind a second dot.
    if (remark !== undefined && this.#startUs === 0) {
      this.#startUs = parseAscDate(value.replace(/(\.\d{3})\.(\d+)$/, "$1$2")) ?? 0;
    }
    return BLANK;
  }

  #row(words: LogWords): LogLine {
    const type = this.#columns.get("T");
    const bus = this.#columns.get("B");
    const id = this.#columns.get("I") ?? ABSENT;
    const kind = type === undefined ? "DT" : words.at(type).toUpperCase();
    const name = this.#bus(bus === undefined ? 1 : words.number(bus, 10, MAX_CHANNEL, "a bus"));
    const receivedAtUs = this.#startUs + this.#offsetUs(words);
    if (kind === "ER") return { kind: "frame", bus: name, frame: this.#error(words, id, receivedAtUs), timed: true };
    const isFrame = ["DT", "RR", "TX", "RX"].includes(kind) || Object.hasOwn(FD_TYPES, kind);
    // FFFFFFFF stands for states of the bus in versions 1.x.
    if (!isFrame || words.at(id).toUpperCase() === "FFFFFFFF") return BLANK;
    const digits = words.at(id);
    const named = words.id(id, digits, 16, digits.length > 4);
    const frame = this.#frame(words, kind, named.flags);
    const direction = type === undefined ? "" : words.at(this.#columns.get("d") ?? type);
    const sent = direction.toUpperCase() === "TX" ? true : undefined;
    return { kind: "frame", bus: name, frame: { id: named.id, receivedAtUs, ...frame }, timed: true, sent };
  }

  /** Of one in another form than that of version 2.1 no more than that it was there. */
  #error(words: LogWords, id: number, receivedAtUs: number): CanFrame {
    const length = words.at(this.#columns.get("l") ?? this.#columns.get("L") ?? ABSENT);
    const data = this.#columns.get("D") ?? ABSENT;
    const type = /^0{0,3}[0-9A-F]$/i.test(words.at(id)) ? Number.parseInt(words.at(id), 16) : 0;
    return errorOfTrc({ type, data: length === "4" ? words.bytes(data, 4, 16) : new Uint8Array(0) }, receivedAtUs);
  }

  #bus(channel: number): string {
    return this.#names.get(channel) ?? channelName(channel);
  }

  #frame(words: LogWords, kind: string, idFlags: number): Pick<CanFrame, "flags" | "data"> {
    const bytes = this.#columns.get("l");
    const code = this.#columns.get("L") ?? ABSENT;
    const data = this.#columns.get("D") ?? ABSENT;
    const fdFlags = Object.hasOwn(FD_TYPES, kind) ? FD_TYPES[kind] : 0;
    const isFd = fdFlags !== 0;
    const length =
      bytes === undefined
        ? lengthOfDlc(words.number(code, 10, 15, "a length code"), isFd)
        : words.number(bytes, 10, isFd ? FRAME_MAX_DATA_BYTES : CLASSIC_MAX_DATA_BYTES, "a data length");
    if (kind === "RR" || words.at(data).toUpperCase() === "RTR") {
      return { flags: idFlags | FRAME_FLAG.remote, data: new Uint8Array(Math.min(length, CLASSIC_MAX_DATA_BYTES)) };
    }
    if (!isDataLength(length, isFd)) throw words.error(bytes ?? 0, `${length} data bytes do not fit such a frame`);
    return { flags: idFlags | fdFlags, data: words.bytes(data, length, 16) };
  }

  /** Milliseconds with up to four digits behind the point. */
  #offsetUs(words: LogWords): number {
    const index = this.#columns.get("O") ?? ABSENT;
    const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(words.at(index));
    if (match === null) throw words.error(index, "expected a time offset in milliseconds");
    return Number(match[1]) * 1000 + Number((match[2] ?? "").padEnd(3, "0").slice(0, 3));
  }
}

function columnsOf(letters: string): ReadonlyMap<string, number> {
  return new Map(
    letters
      .split(",")
      .slice(0, 16)
      .map((letter, index) => [letter.trim(), index]),
  );
}

function startTime(text: string, at: number): number {
  const days = /^\d{1,6}(?:\.\d{1,20})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(days >= UNIX_EPOCH_DAYS)) throw new LineError(at, "the start time cannot be read; times count from 1970");
  return Math.round((days - UNIX_EPOCH_DAYS) * DAY_US);
}
