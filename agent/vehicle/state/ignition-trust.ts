import type { IgnitionReading, IgnitionSource } from "./ignition.ts";

/**
 * What sources say together: the first in the order of trust that knows. One that has said off and fell silent is not talked over at once:
 * a bus on which frames came until just now is no ignition. That it is on is believed of those that are trusted less only after `silentMs`.
 */
export class IgnitionTrust {
  readonly #sources: readonly IgnitionSource[];
  readonly #silentMs: number;
  /** The most trusted source that said off last, by its place, and when it did. */
  #off: { readonly rank: number; readonly atMs: number } | undefined;

  constructor(sources: readonly IgnitionSource[], silentMs: number) {
    this.#sources = sources;
    this.#silentMs = silentMs;
  }

  /** At this moment, by a clock that counts suspend, ms. */
  look(nowMs: number): IgnitionReading {
    // Each of them, whether it counts or not: one that counts frames must do so all the time.
    const readings = this.#sources.map((source) => source.look());
    const rank = readings.findIndex(({ kind }) => kind !== "unknown");
    const reading = readings[Math.max(0, rank)];
    if (reading === undefined) return { kind: "unknown", why: "nothing says whether it is on" };
    if (rank < 0) return reading;
    const isTalkedOver = this.#off !== undefined && this.#off.rank < rank && nowMs - this.#off.atMs < this.#silentMs;
    if (isTalkedOver && reading.kind === "on") return readings[this.#off?.rank ?? 0] ?? reading;
    if (!isTalkedOver) this.#off = reading.kind === "off" ? { rank, atMs: nowMs } : undefined;
    return reading;
  }
}
