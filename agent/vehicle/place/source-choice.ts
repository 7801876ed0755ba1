/** When a source counts for none, and when a better one counts again. */
export type SourceChoiceSettings = {
  /** Without a fix for so long. */
  readonly staleMs: number;
  /** A better source must have had fixes for so long, none of them more than `staleMs` after the one before. */
  readonly returnMs: number;
};

type Heard = { firstMs: number; lastMs: number };

/** Which of several sources counts; they are numbered in the order of preference. Times are ms since the boot, a suspend counted in: what was fresh before it is not after it. */
export class SourceChoice {
  readonly #settings: SourceChoiceSettings;
  readonly #heard: (Heard | undefined)[] = [];
  #chosen: number | undefined;

  constructor(settings: SourceChoiceSettings) {
    this.#settings = settings;
  }

  /** The source that counts; undefined where none has had a fix lately. */
  chosen(nowMs: number): number | undefined {
    return this.#chosen !== undefined && this.#isLive(this.#chosen, nowMs) ? this.#chosen : undefined;
  }

  /** A fix of `source` has come. True where it counts. */
  take(source: number, nowMs: number): boolean {
    const heard = this.#heard[source];
    if (heard === undefined || !this.#isLive(source, nowMs)) this.#heard[source] = { firstMs: nowMs, lastMs: nowMs };
    else heard.lastMs = nowMs;
    const chosen = this.chosen(nowMs);
    if (chosen === undefined || (source < chosen && this.#hasReturned(source))) this.#chosen = source;
    return this.#chosen === source;
  }

  /** The source has none any more, and says so: it must return as one that was silent. */
  drop(source: number): void {
    this.#heard[source] = undefined;
  }

  #isLive(source: number, nowMs: number): boolean {
    const heard = this.#heard[source];
    return heard !== undefined && nowMs - heard.lastMs <= this.#settings.staleMs;
  }

  #hasReturned(source: number): boolean {
    const heard = this.#heard[source];
    return heard !== undefined && heard.lastMs - heard.firstMs >= this.#settings.returnMs;
  }
}
