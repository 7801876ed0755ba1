import { PartialMessage, type PartialShape } from "./partial-message.ts";

/** What became of messages that come in several frames, since start; what nobody asks for is not begun, and not counted. */
export type AssemblyCounters = {
  readonly assembled: number;
  /** Given up: the next frame did not come in time, by receive times. */
  readonly timedOut: number;
  /** Given up: the sender began another. */
  readonly replaced: number;
  /** Given up: one of the two ended the connection. */
  readonly aborted: number;
  /** Given up: the receiver acknowledged all of it, and some of it was not seen here. */
  readonly missed: number;
  /** Given up: a packet came again with other bytes, so that frames of two messages are mixed. */
  readonly conflicting: number;
  /** Given up: more were begun than are kept at a time, and it was the oldest. */
  readonly evicted: number;
  /** Frames left out: a size or a number that cannot be, or too few bytes. */
  readonly malformed: number;
  /** Messages of more than 1785 bytes (extended transport protocol), which are not read. */
  readonly tooLong: number;
};

/** Why a message is given up. */
export type Incomplete = "timedOut" | "replaced" | "aborted" | "missed" | "conflicting" | "evicted";

export type AssemblyCounts = { -readonly [Name in keyof AssemblyCounters]: AssemblyCounters[Name] };

/** Messages that are put together at a time; each takes at most 1785 bytes. */
const MAX_MESSAGES = 256;

export function noCounts(): AssemblyCounts {
  const ends = { assembled: 0, timedOut: 0, replaced: 0, aborted: 0, missed: 0, conflicting: 0, evicted: 0 };
  return { ...ends, malformed: 0, tooLong: 0 };
}

/** The messages that are being put together, by a number that tells them apart. They are bounded, and each end of one is counted. */
export class PartialMessages {
  readonly counts: AssemblyCounts;
  readonly #open = new Map<number, PartialMessage>();

  constructor(counts: AssemblyCounts) {
    this.counts = counts;
  }

  /** Messages that are begun. */
  get size(): number {
    return this.#open.size;
  }

  /** The message of `key`; undefined when there is none, or when it has waited too long, which ends it. */
  find(key: number, nowUs: number): PartialMessage | undefined {
    const partial = this.#open.get(key);
    if (partial === undefined || !partial.isOver(nowUs)) return partial;
    this.giveUp(key, "timedOut");
    return undefined;
  }

  /** Begins a message, in the place of the one of its `key` if there is one. */
  begin(key: number, shape: PartialShape, nowUs: number): PartialMessage {
    for (const [other, partial] of this.#open) if (partial.isOver(nowUs)) this.giveUp(other, "timedOut");
    this.giveUp(key, "replaced");
    const oldest = this.#open.keys().next();
    if (this.#open.size >= MAX_MESSAGES && oldest.done !== true) this.giveUp(oldest.value, "evicted");
    const partial = new PartialMessage(shape, nowUs);
    this.#open.set(key, partial);
    return partial;
  }

  /** Takes packet `number` of the message of `key`, see `PartialMessage.put`. Gives the bytes of the message when they are whole. */
  put(key: number, number: number, from: Uint8Array, at: number, nowUs: number): Uint8Array<ArrayBuffer> | undefined {
    const partial = this.#open.get(key);
    if (partial === undefined) return undefined;
    partial.lastUs = nowUs;
    const state = partial.put(number, from, at);
    if (state === "conflicting") this.giveUp(key, "conflicting");
    if (state !== "whole") return undefined;
    this.#open.delete(key);
    this.counts.assembled += 1;
    return partial.bytes;
  }

  /** Gives up the message of `key`, if there is one. */
  giveUp(key: number, why: Incomplete): void {
    if (this.#open.delete(key)) this.counts[why] += 1;
  }
}
