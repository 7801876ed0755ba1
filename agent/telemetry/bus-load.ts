import type { Clock } from "../core/clock.ts";
import type { BusTraffic } from "../ports/can-bus.ts";
import type { MessageEntry } from "../signals/signal-entry.ts";

/** A load is of this time at least, ms: who looks oftener gets the one before. */
const LEAST_WINDOW_MS = 10_000;
/**
 * Most bits of a classic frame of n bytes with its stuff bits and the space after it: 55 + 10 n with an 11-bit id, 80 + 10 n with a 29-bit one
 * (Davis et al., Controller Area Network (CAN) schedulability analysis: Refuted, revisited and revised, 2007).
 */
const FRAME_BITS = { standard: 55, extended: 80, byte: 10 } as const;

export type BusLoadParts = {
  /** Bits a second. */
  readonly bitrate: number;
  /** Part of the frames that have a 29-bit id, 0 to 1, as nobody counts them. */
  readonly extendedShare: number;
  readonly traffic: () => BusTraffic | undefined;
  readonly clock: Pick<Clock, "monotonicMs">;
};

/** How busy a bus was, at most: what stuff bits there are nobody counts, so each frame is taken for its longest. */
export type BusLoadReading = {
  /** Since start, ms. */
  readonly busyMs: number;
  /** Part of the time, over the time since a look at least 10 s ago; undefined before the first 10 s. May exceed 1. */
  readonly load: number | undefined;
};

/** Part of the messages of a bus that have a 29-bit id, 0 to 1; 0 of none. */
export function extendedShareOf(messages: readonly Pick<MessageEntry, "bus" | "extended">[], bus: string): number {
  const ofBus = messages.filter((message) => message.bus === bus);
  return ofBus.filter(({ extended }) => extended).length / Math.max(1, ofBus.length);
}

/** How busy a bus of classic frames is, worked out from counts of frames and bytes when somebody asks. */
export class BusLoad {
  readonly #parts: BusLoadParts;
  #before: { readonly atMs: number; readonly busyMs: number };
  #load: number | undefined;

  constructor(parts: BusLoadParts) {
    this.#parts = parts;
    this.#before = { atMs: parts.clock.monotonicMs(), busyMs: 0 };
  }

  /** Undefined where the traffic is not known. */
  read(): BusLoadReading | undefined {
    const { traffic, clock } = this.#parts;
    const counted = traffic();
    if (counted === undefined) return undefined;
    const now = { atMs: clock.monotonicMs(), busyMs: this.#busyMs(counted) };
    const windowMs = now.atMs - this.#before.atMs;
    if (windowMs >= LEAST_WINDOW_MS) {
      this.#load = (now.busyMs - this.#before.busyMs) / windowMs;
      this.#before = now;
    }
    return { busyMs: now.busyMs, load: this.#load };
  }

  #busyMs({ frames, bytes }: BusTraffic): number {
    const { bitrate, extendedShare } = this.#parts;
    const { standard, extended, byte } = FRAME_BITS;
    const bits = frames * (standard + (extended - standard) * extendedShare) + bytes * byte;
    return (bits * 1000) / bitrate;
  }
}
