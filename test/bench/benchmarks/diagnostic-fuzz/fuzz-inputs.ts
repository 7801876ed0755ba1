import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { Dice } from "../campaign-grammar.ts";

/** Senders that speak at a time, more than anything keeps. */
const SENDERS = 40;
/** Time between two frames: that of a full bus, and of more than any bus carries, so that nothing is forgotten for its age. */
const PACES_US = [3000, 20];
const FD_LENGTHS = [8, 12, 16, 20, 24, 32, 48, 64];

function bytesOf(dice: Dice, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => dice.below(256));
}

/** One PDU: a sound one that was spoilt a little or a lot, or bytes at random. `sound` are hexadecimal. */
export function spoiltPdu(dice: Dice, sound: readonly string[]): Uint8Array {
  if (dice.chance(0.1)) return bytesOf(dice, dice.below(dice.chance(0.02) ? 5000 : 40));
  if (dice.chance(0.0005)) return nearlyPadding(dice, sound);
  const bytes = [...Buffer.from(dice.pick(sound), "hex")];
  for (let changes = dice.below(4); changes > 0; changes -= 1) {
    const at = dice.below(bytes.length + 1);
    const kind = dice.below(5);
    if (kind === 0) bytes[Math.min(at, bytes.length - 1)] = dice.pick([0, 0xff, 0x7f, 0x80, dice.below(256)]);
    else if (kind === 1) bytes.length = at;
    else if (kind === 2) bytes.splice(at, 0, ...bytesOf(dice, 1 + dice.below(8)));
    else if (kind === 3) bytes.splice(at, 1 + dice.below(4));
    else bytes.push(...bytes.slice(dice.below(bytes.length + 1)));
  }
  return Uint8Array.from(bytes.slice(0, 5000));
}

/** As long as a PDU may be, zeros but for its start and its last byte: whoever looks for padding again and again takes its time. */
function nearlyPadding(dice: Dice, sound: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(66_000);
  bytes.set(Buffer.from(dice.pick(sound), "hex").subarray(0, 1 + dice.below(8)));
  bytes[bytes.length - 1] = 1;
  return bytes;
}

/** One frame at random, of any kind that there is. */
export function anyFrame(dice: Dice, ids: readonly number[], receivedAtUs: number): CanFrame {
  const isFd = dice.chance(0.1);
  const id = dice.chance(0.8) ? dice.pick(ids) : dice.below(0x2000_0000);
  const flags =
    (id > 0x7ff ? FRAME_FLAG.extended : 0) |
    (isFd ? FRAME_FLAG.fd : 0) |
    (dice.chance(0.01) ? FRAME_FLAG.remote : 0) |
    (dice.chance(0.01) ? FRAME_FLAG.error : 0);
  return { id, flags, data: bytesOf(dice, isFd ? dice.pick(FD_LENGTHS) : dice.below(9)), receivedAtUs };
}

/** Frames of several senders by turns, each in the middle of something, with mistakes: `next` gives one. */
export class SpoiltSenders {
  readonly #dice: Dice;
  readonly #ids: readonly number[];
  readonly #begin: (dice: Dice, id: number) => readonly CanFrame[];
  readonly #under: CanFrame[][] = [];
  #paceUs = PACES_US[0];
  #nowUs = 1_767_225_600_000_000;

  /** `begin` gives all frames of one PDU, in order. */
  constructor(dice: Dice, ids: readonly number[], begin: (dice: Dice, id: number) => readonly CanFrame[]) {
    this.#dice = dice;
    this.#ids = ids;
    this.#begin = begin;
  }

  next(): CanFrame {
    const dice = this.#dice;
    if (dice.chance(0.00005)) this.#paceUs = dice.pick(PACES_US);
    this.#nowUs += dice.chance(0.0001) ? 10_000_000 : dice.below(this.#paceUs);
    if (dice.chance(0.01)) return anyFrame(dice, this.#ids, this.#nowUs);
    if (this.#under.length < SENDERS && dice.chance(0.3))
      this.#under.push([...this.#begin(dice, dice.pick(this.#ids))]);
    const at = dice.below(this.#under.length);
    const frames = this.#under[at] ?? [];
    const frame = frames.shift();
    if (frame === undefined) {
      this.#under.splice(at, 1);
      return anyFrame(dice, this.#ids, this.#nowUs);
    }
    // Given up half-way, by its sender.
    if (dice.chance(0.02)) this.#under.splice(at, 1);
    // Lost, and so the next one is out of order; or once more.
    if (dice.chance(0.003)) frames.shift();
    if (dice.chance(0.003)) frames.unshift(frame);
    const data = dice.chance(0.005) ? this.#spoilt(frame.data) : frame.data;
    return { ...frame, data, receivedAtUs: this.#nowUs };
  }

  #spoilt(data: Uint8Array): Uint8Array {
    const changed = data.slice(0, this.#dice.below(data.length + 1));
    if (changed.length > 0) changed[this.#dice.below(changed.length)] = this.#dice.below(256);
    return changed;
  }
}

/** A PDU as ISO-TP has it, most of them short, some of them beyond what anybody takes. */
export function isoTpFrames(dice: Dice, id: number): readonly CanFrame[] {
  const length = dice.chance(0.02) ? 4096 + dice.below(100_000) : dice.below(dice.chance(0.3) ? 400 : 20);
  const flags = id > 0x7ff ? FRAME_FLAG.extended : 0;
  const frameOf = (bytes: readonly number[]): CanFrame => ({
    id,
    flags,
    data: Uint8Array.from(bytes),
    receivedAtUs: 0,
  });
  if (length <= 7) return [frameOf([length, ...bytesOf(dice, length)])];
  const head =
    length <= 0xfff
      ? [0x10 | (length >> 8), length & 0xff]
      : [0x10, 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
  const first = 8 - head.length;
  // What nobody takes is not sent to its end.
  const rest = Math.min(80, Math.ceil((length - first) / 7));
  const consecutive = Array.from({ length: rest }, (_, at) => frameOf([0x20 | ((at + 1) & 15), ...bytesOf(dice, 7)]));
  return [frameOf([...head, ...bytesOf(dice, first)]), ...consecutive];
}
