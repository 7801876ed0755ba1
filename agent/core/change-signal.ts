/**
 * Tells any number of waiters that something has changed; what it is now, they read where it is kept.
 *
 * No change is missed by a waiter that reads and calls `next` in one turn, without an await in between.
 */
export class ChangeSignal {
  #waiting: (() => void)[] = [];

  notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Resolves at the next `notify`, or when `signal` aborts. */
  next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const resume = (): void => {
        signal.removeEventListener("abort", resume);
        this.#waiting = this.#waiting.filter((one) => one !== resume);
        resolve();
      };
      this.#waiting.push(resume);
      signal.addEventListener("abort", resume, { once: true });
    });
  }
}
