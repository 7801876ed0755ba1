/** What a turn counts as at least, ms: about what it costs to read for it and to come to it, which nobody measures. */
const LEAST_TURN_MS = 0.1;

/**
 * Gives the event loop to many clients one after the other, in the order in which they ask, and between two of them to everybody
 * else: what they have done takes at most a share of its time, however many they are.
 */
export class FairTurns {
  readonly #share: number;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  /** Of the rest that is due, what was not waited for yet, ms. */
  #owedMs = 0;

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
    const spentMs = Math.max(LEAST_TURN_MS, performance.now() - begunMs);
    this.#owedMs += spentMs / this.#share - spentMs;
    // A timer waits whole milliseconds, which is too long after work that took next to nothing: what is below is owed.
    const restMs = Math.floor(this.#owedMs);
    this.#owedMs -= restMs;
    if (restMs === 0) setImmediate(() => this.#next());
    else setTimeout(() => this.#next(), restMs);
  }
}
