import { idKey, largestId } from "../../ports/arbitration-id.ts";
import type { FrameFilter } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, type FrameBatch } from "../../ports/frame.ts";

/** Filters that stay wanted although nobody uses them at present, so that a bus does not change its own for each request. */
const MAX_IDLE_FILTERS = 64;

/** Where parts of diagnostics get the frames of a bus that they ask for. */
export interface FrameTap {
  /**
   * Frames that one of `filters` lets through, once each and in receive order, until the returned function is called; neither error nor
   * remote frames. A frame is the taker's to keep, and not to alter: others may have it too. `take` must not throw.
   */
  on(filters: readonly FrameFilter[], take: (frame: CanFrame) => void): () => void;
}

type Taker = {
  readonly filters: readonly FrameFilter[];
  readonly take: (frame: CanFrame) => void;
  /** The frame that it had last: several of its filters may let one through. */
  last: CanFrame | undefined;
};

/** Takers by the bits of the id that their filters compare. */
type Masked = { readonly bits: number; readonly extended: boolean; readonly takers: Map<number, Taker[]> };

/**
 * The frame tap of one bus. A frame that nobody asked for costs one look-up for each mask in use; only one that somebody asked for
 * becomes an object.
 */
export class BusFrameTap implements FrameTap {
  readonly #want: (filters: readonly FrameFilter[]) => void;
  readonly #takers = new Set<Taker>();
  /** By filter: how many hold it; those of 0 are idle, the oldest first. */
  readonly #wanted = new Map<string, { readonly filter: FrameFilter; holders: number }>();
  #masks: readonly Masked[] = [];

  /** `want` is told all that the bus has to receive, whenever that changes. */
  constructor(want: (filters: readonly FrameFilter[]) => void) {
    this.#want = want;
  }

  on(filters: readonly FrameFilter[], take: (frame: CanFrame) => void): () => void {
    const taker: Taker = { filters, take, last: undefined };
    this.#takers.add(taker);
    this.#masks = maskedTakers(this.#takers);
    this.#hold(filters);
    return () => {
      if (!this.#takers.delete(taker)) return;
      this.#masks = maskedTakers(this.#takers);
      this.#release(filters);
    };
  }

  /** Shows it the frames of a batch. */
  onFrames(batch: FrameBatch): void {
    for (let index = 0; index < batch.count; index += 1) {
      const flags = batch.flags(index);
      if ((flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) !== 0) continue;
      const isExtended = (flags & FRAME_FLAG.extended) !== 0;
      const id = batch.id(index);
      let frame: CanFrame | undefined;
      for (const { bits, extended, takers } of this.#masks) {
        if (extended !== isExtended) continue;
        const found = takers.get(id & bits);
        if (found === undefined) continue;
        frame ??= batch.frame(index);
        for (const taker of found) {
          // One that was taken before may have released it.
          if (taker.last === frame || !this.#takers.has(taker)) continue;
          taker.last = frame;
          taker.take(frame);
        }
      }
    }
  }

  #hold(filters: readonly FrameFilter[]): void {
    let isNew = false;
    for (const filter of filters) {
      const key = keyOf(filter);
      const held = this.#wanted.get(key);
      isNew ||= held === undefined;
      this.#wanted.delete(key);
      this.#wanted.set(key, { filter, holders: (held?.holders ?? 0) + 1 });
    }
    if (isNew) this.#tell();
  }

  #release(filters: readonly FrameFilter[]): void {
    for (const filter of filters) {
      const held = this.#wanted.get(keyOf(filter));
      if (held !== undefined) held.holders -= 1;
    }
    const idle = [...this.#wanted].filter(([, { holders }]) => holders === 0);
    if (idle.length <= MAX_IDLE_FILTERS) return;
    for (const [key] of idle) this.#wanted.delete(key);
    this.#tell();
  }

  #tell(): void {
    this.#want([...this.#wanted.values()].map(({ filter }) => filter));
  }
}

function keyOf({ id, mask, extended }: FrameFilter): string {
  return `${idKey(id & mask, extended)}:${mask & largestId(extended)}`;
}

function maskedTakers(all: ReadonlySet<Taker>): readonly Masked[] {
  const masks = new Map<number, Masked>();
  for (const taker of all) {
    for (const { id, mask, extended } of taker.filters) {
      const bits = mask & largestId(extended);
      const key = idKey(bits, extended);
      const masked: Masked = masks.get(key) ?? { bits, extended, takers: new Map() };
      masks.set(key, masked);
      const same = masked.takers.get(id & bits) ?? [];
      if (!same.includes(taker)) same.push(taker);
      masked.takers.set(id & bits, same);
    }
  }
  return [...masks.values()];
}
