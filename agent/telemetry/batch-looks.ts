/** Looks in the longest time of a batch, and the least time between two, ms. */
const BATCH_LOOKS = 4;
const LEAST_LOOK_MS = 20;
/** Samples that are worth a commit of their own, some 10 kB once they are packed, several times what a commit writes besides; a second of more. */
const ENOUGH_SAMPLES = 8192;
const ENOUGH_MS = 1000;

/**
 * When a batch ends: the agent looks several times in its longest time, at the last of them or earlier where much has come. So nothing waits
 * longer, and a commit is made of little only where little comes. Who sets a longer time wants larger records, and has them.
 */
export class BatchLooks {
  /** Between two looks, ms. */
  readonly lookMs: number;
  readonly #most: number;
  readonly #enoughSamples: number;
  #looks = 0;

  /** `batchMs`: the longest time of a batch. */
  constructor(batchMs: number) {
    this.lookMs = Math.max(LEAST_LOOK_MS, batchMs / BATCH_LOOKS);
    this.#most = Math.floor(batchMs / this.lookMs);
    this.#enoughSamples = ENOUGH_SAMPLES * Math.max(1, batchMs / ENOUGH_MS);
  }

  /** A batch begins. */
  begin(): void {
    this.#looks = 0;
  }

  /** Counts a look. True at the last one of a batch. */
  look(): boolean {
    this.#looks += 1;
    return this.#looks >= this.#most;
  }

  /** Whether so many samples end a batch. */
  isEnough(samples: number): boolean {
    return samples >= this.#enoughSamples;
  }
}
