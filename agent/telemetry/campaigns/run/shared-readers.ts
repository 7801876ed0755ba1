import type { Reading } from "../../collect/sampler.ts";
import type { SamplerLink, SampleTaker } from "../../collect/sampler-chains.ts";

/** Who reads signals for the expressions of one campaign. */
export interface SignalReader extends SampleTaker {
  /** Whether it must be shown every sample; otherwise what changes is enough, and `SharedReaders` tells when the rest was seen. */
  readonly isEager: boolean;
  /** After a longer time without a sample the next one is shown to it, equal or not, µs. */
  readonly maxAgeUs: number;
  /** Its signal `local` is feed number `feed` of `shared` from now on. */
  follow(shared: SharedReaders, local: number, feed: number): void;
}

/** A signal that a reader reads. */
export type ReaderLink = SamplerLink & { readonly sampler: SignalReader };

/**
 * Shows each sample of a signal to the readers of all campaigns: one that is another value than the sample before to all of them, an
 * equal one to those that are eager. So a thousand conditions that wait for a signal to change cost nothing while it does not.
 */
export class SharedReaders implements SampleTaker {
  readonly #feedOf = new Map<number, number>();
  readonly #links: ReaderLink[][] = [];
  readonly #eager: (readonly ReaderLink[])[] = [];
  /** By feed: 1 where `#eager` must be made anew. */
  readonly #isStale: number[] = [];
  readonly #raws: number[] = [];
  readonly #seenUs: number[] = [];
  readonly #beforeUs: number[] = [];
  /** The least `maxAgeUs` of its readers. */
  readonly #maxAgeUs: number[] = [];

  /** Takes readers on; gives the links of signals that nobody read before. */
  join(links: readonly ReaderLink[]): readonly SamplerLink[] {
    const added: SamplerLink[] = [];
    for (const link of links) {
      const known = this.#feedOf.get(link.slot);
      const feed = known ?? this.#open(link.slot);
      if (known === undefined) added.push({ slot: link.slot, sampler: this, local: feed });
      this.#links[feed].push(link);
      this.#isStale[feed] = 1;
      this.#maxAgeUs[feed] = Math.min(this.#maxAgeUs[feed], link.sampler.maxAgeUs);
      link.sampler.follow(this, link.local, feed);
    }
    return added;
  }

  /** A reader of this feed has become eager, or is no longer. */
  eagernessChanged(feed: number): void {
    this.#isStale[feed] = 1;
  }

  /** When the newest sample of a feed was received, µs; NaN before the first. */
  seenUs(feed: number): number {
    return this.#seenUs[feed];
  }

  /** The same of the sample before it. */
  beforeUs(feed: number): number {
    return this.#beforeUs[feed];
  }

  take(feed: number, reading: Reading): void {
    const { raw, timeUs } = reading;
    const gapUs = timeUs - this.#seenUs[feed];
    // A step of the clock back, and a gap in which the value got too old, are no less than a change.
    const isEqual = raw === this.#raws[feed] && gapUs >= 0 && gapUs <= this.#maxAgeUs[feed];
    this.#beforeUs[feed] = this.#seenUs[feed];
    this.#seenUs[feed] = timeUs;
    this.#raws[feed] = raw;
    if (this.#isStale[feed] === 1) this.#renew(feed);
    const links = isEqual ? this.#eager[feed] : this.#links[feed];
    for (let at = 0; at < links.length; at++) links[at].sampler.take(links[at].local, reading);
  }

  #open(slot: number): number {
    const feed = this.#links.push([]) - 1;
    this.#feedOf.set(slot, feed);
    this.#eager.push([]);
    this.#isStale.push(0);
    this.#raws.push(Number.NaN);
    this.#seenUs.push(Number.NaN);
    this.#beforeUs.push(Number.NaN);
    this.#maxAgeUs.push(Number.POSITIVE_INFINITY);
    return feed;
  }

  #renew(feed: number): void {
    this.#isStale[feed] = 0;
    this.#eager[feed] = this.#links[feed].filter(({ sampler }) => sampler.isEager);
  }
}
