import type { Clock } from "../../../agent/core/clock.ts";

/** Bounds of the rate of one transfer. */
export type RateBounds = {
  /** Bytes/s; undefined for no limit. */
  readonly maxBytesPerSecond: number | undefined;
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
};

/** Keeps a transfer below its highest rate, and tells when it is below its lowest. */
export class RateLimit {
  readonly #bounds: RateBounds;
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  #begunMs = 0;
  #bytes = 0;
  #windowMs = 0;
  #windowBytes = 0;

  constructor(bounds: RateBounds, clock: Pick<Clock, "monotonicMs" | "sleep">) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** A connection begins. */
  begin(): void {
    this.#begunMs = this.#clock.monotonicMs();
    this.#bytes = 0;
    this.#windowMs = this.#begunMs;
    this.#windowBytes = 0;
  }

  /** Waits until the next bytes may come. Rejects when the window that ends was too slow. */
  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    const { maxBytesPerSecond, minBytesPerSecond, minRateWindowMs } = this.#bounds;
    this.#bytes += bytes;
    this.#windowBytes += bytes;
    const nowMs = this.#clock.monotonicMs();
    const spentMs = nowMs - this.#windowMs;
    if (spentMs >= minRateWindowMs) {
      const rate = (this.#windowBytes * 1000) / spentMs;
      if (rate < minBytesPerSecond) throw new Error(`${Math.round(rate)} bytes/s, less than ${minBytesPerSecond}`);
      this.#windowMs = nowMs;
      this.#windowBytes = 0;
    }
    if (maxBytesPerSecond === undefined) return;
    const earliestMs = this.#begunMs + (this.#bytes * 1000) / maxBytesPerSecond;
    if (earliestMs > nowMs) await this.#clock.sleep(earliestMs - nowMs, signal);
  }
}
