import { largestId } from "../../ports/arbitration-id.ts";
import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG, paddedToFdLength } from "../../ports/frame.ts";
import { lengthOfDlc } from "../../signals/log-formats/log-words.ts";

/** Length codes of a frame. */
const CODES = 16;
/** Bytes of the number that incremented data are. */
const COUNTER_BYTES = 8;

/** How ids are made: at random (all, even, odd), one after the other from 0 on, or always one. */
export type IdMode =
  | { readonly kind: "random" | "even" | "odd" | "increment" }
  | { readonly kind: "fixed"; readonly id: number };

/** How many data bytes: at random, each length in turn, or always so many. */
export type LengthMode = { readonly kind: "random" | "increment" } | { readonly kind: "fixed"; readonly bytes: number };

/** Data bytes: at random, a number that counts up (low byte first), or always those of `nibbles`, of which "x" is random. */
export type PayloadMode =
  | { readonly kind: "random" | "increment" }
  | { readonly kind: "fixed"; readonly nibbles: string };

/** The frames to make; `mix` takes a kind at random for each of them, of those that the bus can carry. */
export type GeneratedFrames = {
  readonly id: IdMode;
  readonly length: LengthMode;
  readonly payload: PayloadMode;
  /** `FRAME_FLAG` bits of every frame. */
  readonly flags: number;
  readonly mix: { readonly fd: boolean; readonly remote: boolean } | undefined;
};

/**
 * Makes frames as cangen of can-utils does, from a seed: the same seed makes the same ones. Incremented data have at least one byte;
 * a fixed id of 11 bits is kept in a mixed frame of 29.
 */
export class FrameGenerator {
  readonly #settings: GeneratedFrames;
  readonly #random: () => number;
  #made = 0;

  constructor(settings: GeneratedFrames, seed: number) {
    this.#settings = settings;
    this.#random = randomWords(seed);
  }

  next(): CanFrame {
    const flags = this.#settings.mix === undefined ? this.#settings.flags : this.#mixed(this.#settings.mix);
    const isFd = (flags & FRAME_FLAG.fd) !== 0;
    const id = this.#id((flags & FRAME_FLAG.extended) !== 0);
    const length = this.#length(isFd);
    const data = (flags & FRAME_FLAG.remote) === 0 ? this.#data(length) : new Uint8Array(length);
    this.#made += 1;
    return paddedToFdLength({ id, flags, data, receivedAtUs: 0 });
  }

  #mixed({ fd, remote }: { readonly fd: boolean; readonly remote: boolean }): number {
    const bits = this.#random();
    const extended = (bits & 1) === 0 ? 0 : FRAME_FLAG.extended;
    if (fd && (bits & 2) !== 0) {
      const isSwitched = (bits & 4) !== 0;
      return extended | FRAME_FLAG.fd | (isSwitched ? FRAME_FLAG.bitRateSwitch : 0);
    }
    return extended | (remote && (bits & 24) === 24 ? FRAME_FLAG.remote : 0);
  }

  #id(extended: boolean): number {
    const { id } = this.#settings;
    const mask = largestId(extended);
    switch (id.kind) {
      case "random":
        return this.#random() & mask;
      case "even":
        return this.#random() & mask & ~1;
      case "odd":
        return (this.#random() & mask) | 1;
      case "increment":
        return this.#made & mask;
      case "fixed":
        return id.id & mask;
    }
  }

  #length(isFd: boolean): number {
    const { length, payload } = this.#settings;
    const least = payload.kind === "increment" ? 1 : 0;
    switch (length.kind) {
      case "random":
        return Math.max(least, lengthOfDlc(this.#random() % CODES, isFd));
      case "increment":
        return Math.max(least, lengthOfDlc(this.#made % (isFd ? CODES : CLASSIC_MAX_DATA_BYTES + 1), isFd));
      case "fixed":
        return Math.max(least, isFd ? length.bytes : Math.min(length.bytes, CLASSIC_MAX_DATA_BYTES));
    }
  }

  #data(length: number): Uint8Array {
    const { payload } = this.#settings;
    switch (payload.kind) {
      case "random":
        return Uint8Array.from({ length }, () => this.#random() & 0xff);
      case "increment":
        return Uint8Array.from({ length }, (_, at) =>
          at < COUNTER_BYTES ? Math.floor(this.#made / 256 ** at) & 0xff : 0,
        );
      case "fixed":
        return Uint8Array.from(
          { length },
          (_, at) => this.#nibble(payload.nibbles, 2 * at) * 16 + this.#nibble(payload.nibbles, 2 * at + 1),
        );
    }
  }

  #nibble(nibbles: string, at: number): number {
    const digit = nibbles[at] ?? "0";
    return digit === "x" || digit === "X" ? this.#random() & 0xf : Number.parseInt(digit, 16);
  }
}

/** Numbers of 32 bits that are the same for the same seed (mulberry32, Tommy Ettinger): enough for traffic, not for secrets. */
function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
}
