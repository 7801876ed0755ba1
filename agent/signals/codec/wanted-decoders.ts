import type { DecodeMessage } from "../signal-entry.ts";
import { compileDecoders, compileWanted } from "./decode.ts";
import { type DecodePlan, PackedLayouts } from "./packed-layouts.ts";

/** A message whose decoder can be exchanged. */
export type DecodedMessage = {
  readonly index: number;
  readonly firstSignal: number;
  readonly signalCount: number;
  decode: DecodeMessage;
};

/**
 * The decoders of a table, for those of its signals that are wanted.
 *
 * A message of which every signal is wanted has the decoder that it would have without this; one of which some are gets one of its own,
 * made when that changes. A test of each signal instead costs a frame of which all are wanted 1.3 to 1.7 times as much.
 */
export class WantedDecoders {
  /** For frames of all signals, by message. */
  readonly whole: readonly DecodeMessage[];
  /** One byte a signal: 1 while somebody wants it. All are wanted at first. Written by `want` alone. */
  readonly wanted: Uint8Array;
  /** One byte a message: 1 while somebody wants one of its signals. */
  readonly wantedMessages: Uint8Array;
  readonly #layouts: PackedLayouts;
  readonly #present: Uint8Array;

  /** `present` is that of the table. */
  constructor(plans: readonly DecodePlan[], present: Uint8Array) {
    this.#present = present;
    this.whole = compileDecoders(plans);
    this.#layouts = new PackedLayouts(plans);
    this.wantedMessages = new Uint8Array(plans.length).fill(1);
    this.wanted = new Uint8Array(present.length).fill(1);
  }

  /**
   * Gives the messages their decoders for `wanted`, which has one byte a signal, 0 or 1. Returns how many messages have another one now.
   * Some 15 µs each, at the sizes of real messages: not for the frame path.
   */
  want(wanted: Uint8Array, messages: readonly DecodedMessage[]): number {
    const changed = messages.filter(({ firstSignal, signalCount }) => {
      const end = firstSignal + signalCount;
      for (let signal = firstSignal; signal < end; signal++) if (wanted[signal] !== this.wanted[signal]) return true;
      return false;
    });
    this.wanted.set(wanted);
    for (const message of changed) {
      message.decode = this.#decoderOf(message);
      this.wantedMessages[message.index] = Number(message.decode !== decodeNothing);
    }
    return changed.length;
  }

  #decoderOf({ index, firstSignal, signalCount }: DecodedMessage): DecodeMessage {
    const own = this.wanted.subarray(firstSignal, firstSignal + signalCount);
    if (!own.includes(0)) return this.whole[index];
    // For good: no decoder of some signals marks the others.
    this.#present.fill(0, firstSignal, firstSignal + signalCount);
    return own.includes(1) ? compileWanted(this.#layouts.planOf(index), this.wanted) : decodeNothing;
  }
}

function decodeNothing(): void {
  // Nobody wants a signal of the message.
}
