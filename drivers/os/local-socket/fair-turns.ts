/**
 * Gives the event loop to many clients one after the other, in the order in which they ask, and between two of them to everybody
 * else: what they have done takes at most a share of its time, however many they are.
 */
export class FairTurns {
  readonly #share: number;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** `share` of the event loop's time, above 0 and at most 1. */
  constructor(share: number) {
    this.#share = share;
  }

  /** Does `work`, which is synchronous, when it is its turn, and gives or throws what it does. */
  take<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
      };
      this.#waiting.push(attempt);
      if (!this.#isBusy) this.#next();
    });
  }

  #next(): void {
    const turn = this.#waiting.shift();
    this.#isBusy = turn !== undefined;
    if (turn === undefined) return;
    const begunMs = performance.now();
    turn();
    const spentMs = performance.now() - begunMs;
    const restMs = spentMs / this.#share - spentMs;
    // A timer waits a millisecond at least, which is too long after work that took less.
    if (restMs < 1) setImmediate(() => this.#next());
    else setTimeout(() => this.#next(), restMs);
  }
}
