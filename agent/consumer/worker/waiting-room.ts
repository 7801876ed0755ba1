import type { Arrival } from "../intake/arrival.ts";

/** What an arrival is taken to hold beside its payload: topic, properties, and the handle of its PUBACK, bytes. */
const BYTES_BESIDE = 1024;
/** Taken ones are cut off when they are so many, and the half. */
const CUT_AT = 1024;

type Waiting = { readonly arrival: Arrival; readonly sinceMs: number };

/** Arrivals that have not been read, first come first served. Bounded in bytes, as a broker may send all that it has at once. */
export class WaitingRoom {
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #taken = 0;
  #bytes = 0;

  /** `maxBytes` counts payloads and 1 KiB for each arrival. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#waiting.length - this.#taken;
  }

  /** Monotonic ms of the oldest; undefined where there is none. */
  get oldestMs(): number | undefined {
    return this.#waiting.at(this.#taken)?.sinceMs;
  }

  /** False where there is no room for it. */
  add(arrival: Arrival, nowMs: number): boolean {
    const bytes = bytesOf(arrival);
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    this.#waiting.push({ arrival, sinceMs: nowMs });
    return true;
  }

  next(): Arrival | undefined {
    const next = this.#waiting.at(this.#taken);
    if (next === undefined) return undefined;
    this.#taken += 1;
    this.#bytes -= bytesOf(next.arrival);
    if (this.#taken >= CUT_AT && this.#taken * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#taken);
      this.#taken = 0;
    }
    return next.arrival;
  }

  clear(): void {
    this.#waiting = [];
    this.#taken = 0;
    this.#bytes = 0;
  }
}

function bytesOf({ payload }: Arrival): number {
  return payload.length + BYTES_BESIDE;
}
