import type { Reading, Sampler } from "./sampler.ts";

/** Who takes samples: a sampler, or who hands them on. */
export type SampleTaker = Pick<Sampler, "take">;

/** One taker of the samples of a slot, and how it numbers them. */
export type SamplerLink = { readonly slot: number; readonly sampler: SampleTaker; readonly local: number };

/**
 * Which samplers take the samples of each slot, side by side in arrays, so that a slot costs what takes part in it and nothing else.
 */
export class SamplerChains {
  readonly #starts: Uint32Array;
  #samplers: readonly SampleTaker[] = [];
  #locals = new Uint32Array(0);

  /** `capacity`: slots that there can be. */
  constructor(capacity: number) {
    this.#starts = new Uint32Array(capacity + 1);
  }

  /** From now on these take part, each slot's in the order given. */
  use(links: readonly SamplerLink[]): void {
    const starts = this.#starts.fill(0);
    for (const { slot } of links) starts[slot + 1] += 1;
    for (let slot = 1; slot < starts.length; slot++) starts[slot] += starts[slot - 1];
    const next = starts.slice();
    const order = new Uint32Array(links.length);
    links.forEach(({ slot }, at) => {
      order[next[slot]] = at;
      next[slot] += 1;
    });
    this.#samplers = Array.from(order, (at) => links[at].sampler);
    this.#locals = Uint32Array.from(order, (at) => links[at].local);
  }

  /** Whether somebody takes the samples of `slot`. */
  has(slot: number): boolean {
    return this.#starts[slot] !== this.#starts[slot + 1];
  }

  /** Hands a sample to all who take those of its slot. On the frame path. */
  take(reading: Reading): void {
    const samplers = this.#samplers;
    const locals = this.#locals;
    const end = this.#starts[reading.slot + 1];
    for (let at = this.#starts[reading.slot]; at < end; at++) samplers[at].take(locals[at], reading);
  }
}
