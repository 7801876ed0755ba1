/** One frame that is due: which message, and the how-manieth of its kind. */
export type DueFrame = { readonly message: number; readonly n: number };

/** Spreads the first frames, so that messages of one period do not all fall due at once: a fraction of the period, by the golden ratio. */
const GOLDEN = 0.618_033_988_75;

/**
 * When each frame of each cyclic message is due, on an absolute time line: the n-th one `phase + n * period` after the start. What
 * was missed is caught up with, in bursts no longer than asked for, and no number is ever skipped.
 */
export class SendSchedule {
  readonly #periodsMs: readonly number[];
  readonly #phasesMs: readonly number[];
  readonly #next: number[];

  constructor(periodsMs: readonly number[]) {
    this.#periodsMs = periodsMs;
    this.#phasesMs = periodsMs.map((periodMs, index) => ((index * GOLDEN) % 1) * periodMs);
    this.#next = periodsMs.map(() => 0);
  }

  /** When the `n`-th frame of the message at this place is due, ms after the start. */
  static dueMs(message: number, periodMs: number, n: number): number {
    return ((message * GOLDEN) % 1) * periodMs + n * periodMs;
  }

  /** At most `most` frames that are due `elapsedMs` after the start, in the order of their times. */
  take(elapsedMs: number, most: number): readonly DueFrame[] {
    const due: (DueFrame & { readonly atMs: number })[] = [];
    this.#periodsMs.forEach((periodMs, message) => {
      for (let n = this.#next[message], count = 0; count < most; n++, count++) {
        const atMs = this.#phasesMs[message] + n * periodMs;
        if (atMs > elapsedMs) break;
        due.push({ message, n, atMs });
      }
    });
    due.sort((a, b) => a.atMs - b.atMs);
    const taken = due.slice(0, most);
    for (const { message, n } of taken) this.#next[message] = n + 1;
    return taken;
  }
}
