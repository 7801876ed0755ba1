import type { Clock } from "../core/clock.ts";

/** Smallest distance of a commit that prompt records ask for from the one before it, ms. */
const DISTANCE_MS = 50;

/**
 * When records that do not wait for their batch are stored: at once, or `DISTANCE_MS` after the last commit, so that a flood of events is
 * no flood of commits. Those that come meanwhile share one commit.
 */
export class PromptCommits {
  readonly #clock: Pick<Clock, "every" | "monotonicMs">;
  readonly #store: () => void;
  /** What else is handed over for the commit that is awaited. */
  readonly #joining = new Set<() => void>();
  #stopWait: (() => void) | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #made = 0;
  #count = 0;

  /** `store` makes the commit, and says so by `note`. */
  constructor(clock: Pick<Clock, "every" | "monotonicMs">, store: () => void) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Commits since start that prompt records asked for. */
  get count(): number {
    return this.#count;
  }

  /** Has what waits stored soon, with what `join` hands over then. Outside of any transaction. */
  ask(join?: () => void): void {
    if (join !== undefined) this.#joining.add(join);
    if (this.#stopWait !== undefined) return;
    const waitMs = this.#lastMs + DISTANCE_MS - this.#clock.monotonicMs();
    if (this.#isClosed || waitMs <= 0) this.#commit();
    else this.#wait(waitMs);
  }

  /** A commit is made now of everything that waits; who wants to join it still has his own time. */
  note(): void {
    this.#lastMs = this.#clock.monotonicMs();
    this.#made += 1;
    if (this.#joining.size === 0) this.#endWait();
  }

  /** The process ends: nothing waits any more. */
  close(): void {
    this.#isClosed = true;
    this.#joining.clear();
    this.#endWait();
  }

  #wait(ms: number): void {
    this.#stopWait = this.#clock.every(Math.ceil(ms), () => this.#commit());
  }

  #endWait(): void {
    this.#stopWait?.();
    this.#stopWait = undefined;
  }

  #commit(): void {
    const joining = [...this.#joining];
    this.#joining.clear();
    this.#endWait();
    for (const join of joining) join();
    const before = this.#made;
    this.#store();
    // None where a batch has taken everything along.
    if (this.#made > before) this.#count += 1;
  }
}
