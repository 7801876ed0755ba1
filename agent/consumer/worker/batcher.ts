import type { Delivery } from "../store/delivery.ts";

/** Bounds of a batch: it is due at the first that is reached. */
export type BatchBounds = {
  /** Deliveries. */
  readonly count: number;
  /** Of payloads on the wire. */
  readonly bytes: number;
  /** Since its first delivery, ms. */
  readonly ageMs: number;
};

/** A record in hand: its delivery, and the PUBACKs that wait for its commit. A repeat that comes meanwhile adds its own. */
export type InHand = {
  readonly delivery: Delivery;
  readonly acknowledgements: (() => void)[];
  /** Monotonic ms of the first arrival. */
  readonly sinceMs: number;
};

/** Gathers deliveries into batches, in the order in which they come. Holds no timer: it is asked whether a batch is due. */
export class Batcher {
  readonly #bounds: BatchBounds;
  #waiting: InHand[] = [];
  #bytes = 0;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(item: InHand): void {
    this.#waiting.push(item);
    this.#bytes += item.delivery.wireBytes;
  }

  /** Monotonic ms from which a batch is due; undefined while there is nothing. */
  dueMs(): number | undefined {
    const first = this.#waiting.at(0);
    if (first === undefined) return undefined;
    const isFull = this.#waiting.length >= this.#bounds.count || this.#bytes >= this.#bounds.bytes;
    return isFull ? Number.NEGATIVE_INFINITY : first.sinceMs + this.#bounds.ageMs;
  }

  /** The next batch, within `count` and `bytes`, but at least one delivery; empty when there is none. */
  take(): readonly InHand[] {
    let bytes = 0;
    let count = 0;
    for (const { delivery } of this.#waiting) {
      if (count > 0 && (count >= this.#bounds.count || bytes + delivery.wireBytes > this.#bounds.bytes)) break;
      bytes += delivery.wireBytes;
      count += 1;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#bytes -= bytes;
    return batch;
  }
}
