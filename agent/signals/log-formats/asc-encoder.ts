import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { ASC_FLAG } from "./asc-words.ts";
import { Channels, channelRemark } from "./channels.ts";
import type { LogEncoder } from "./log-encoder.ts";
import { dlcOfLength } from "./log-words.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const MS = 1000;

/**
 * Writes an ASC log: `base hex  timestamps absolute`, the date as CANoe writes it in English (three digits of milliseconds: it opens no
 * file with six). Where the clock was set back to before the start, a new trigger block begins. The class of an error frame
 * has no place in it.
 */
export class AscEncoder implements LogEncoder {
  readonly moved = 0;
  readonly #channels = new Channels();
  #text = "";
  #startUs: number | undefined;
  #newestUs = 0;

  get waitingBytes(): number {
    return this.#text.length;
  }

  write(bus: string, frame: CanFrame, sent = false): void {
    const timeUs = Math.max(0, Math.floor(frame.receivedAtUs));
    const startUs = this.#startOf(timeUs);
    this.#newestUs = timeUs;
    const { channel, isNew } = this.#channels.of(bus);
    if (isNew) this.#text += `// ${channelRemark(channel, bus)}\n`;
    this.#text += `${offsetText(timeUs - startUs)} ${eventText(channel, frame, sent ? "Tx" : "Rx")}\n`;
  }

  remark(text: string): void {
    this.#text += `// ${this.#startUs === undefined ? "" : `${offsetText(this.#newestUs - this.#startUs)} `}${text}\n`;
  }

  take(): Uint8Array {
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    return bytes;
  }

  end(): Uint8Array {
    if (this.#startUs !== undefined) this.#text += "End TriggerBlock\n";
    return this.take();
  }

  header(): undefined {}

  #startOf(timeUs: number): number {
    if (this.#startUs !== undefined && timeUs >= this.#startUs) return this.#startUs;
    const startUs = timeUs - (timeUs % MS);
    const date = dateText(startUs);
    if (this.#startUs === undefined) {
      this.#text = `date ${date}\nbase hex  timestamps absolute\ninternal events logged\n// written by causeway, times are UTC\n${this.#text}`;
    } else this.#text += "End TriggerBlock\n";
    this.#text += `Begin Triggerblock ${date}\n   0.000000 Start of measurement\n`;
    this.#startUs = startUs;
    return startUs;
  }
}

/** `Fri Dec 27 03:34:56.916 am 2024` */
function dateText(us: number): string {
  const date = new Date(us / MS);
  const hour = date.getUTCHours();
  const [minute, second] = [date.getUTCMinutes(), date.getUTCSeconds()].map((part) => String(part).padStart(2, "0"));
  const time = `${String(hour % 12 || 12).padStart(2, "0")}:${minute}:${second}.${String(date.getUTCMilliseconds()).padStart(3, "0")}`;
  const half = hour < 12 ? "am" : "pm";
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2, "0")} ${time} ${half} ${date.getUTCFullYear()}`;
}

function offsetText(us: number): string {
  const seconds = Math.floor(us / 1_000_000);
  return `${String(seconds).padStart(4)}.${String(us - seconds * 1_000_000).padStart(6, "0")}`;
}

function eventText(channel: number, { id, flags, data }: CanFrame, direction: "Rx" | "Tx"): string {
  if ((flags & FRAME_FLAG.error) !== 0) return `${channel}  ErrorFrame`;
  const idText = `${id.toString(16).toUpperCase()}${(flags & FRAME_FLAG.extended) === 0 ? "" : "x"}`;
  if ((flags & FRAME_FLAG.fd) !== 0) return fdText(`${String(channel).padStart(3)} ${direction}`, idText, flags, data);
  if ((flags & FRAME_FLAG.remote) !== 0) return `${channel}  ${idText.padEnd(15)} ${direction}   r ${data.length}`;
  return `${channel}  ${idText.padEnd(15)} ${direction}   d ${data.length}${bytesText(data)}`;
}

/** As log2asc writes it: no name, duration and length in bits of nothing in particular, then the flags, no checksum and bit timing. */
function fdText(channel: string, idText: string, flags: number, data: Uint8Array): string {
  const isSwitched = (flags & FRAME_FLAG.bitRateSwitch) !== 0;
  const isPassive = (flags & FRAME_FLAG.errorStateIndicator) !== 0;
  const told = ASC_FLAG.fd | (isSwitched ? ASC_FLAG.bitRateSwitch : 0) | (isPassive ? ASC_FLAG.errorStateIndicator : 0);
  const dlc = dlcOfLength(data.length).toString(16);
  const head = `CANFD ${channel} ${idText.padStart(11)}${" ".repeat(34)}`;
  return `${head} ${isSwitched ? 1 : 0} ${isPassive ? 1 : 0} ${dlc} ${String(data.length).padStart(2)}${bytesText(data)}   130000  130 ${told.toString(16).padStart(8)} 0 0 0 0 0`;
}

function bytesText(data: Uint8Array): string {
  let text = "";
  for (const byte of data)
    text += byte < 16 ? ` 0${byte.toString(16).toUpperCase()}` : ` ${byte.toString(16).toUpperCase()}`;
  return text;
}
