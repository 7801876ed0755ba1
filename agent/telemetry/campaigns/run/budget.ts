const DAY_MS = 86_400_000;

/** `day`: days of UTC since the Unix epoch. */
export type BudgetState = { readonly day: number; readonly usedBytes: number };

/** What a campaign may still send today, a day of UTC. Without a bound nothing is ever spent. */
export class Budget {
  readonly #bytesPerDay: number;
  #day = -1;
  #usedBytes = 0;

  /** `bytesPerDay` of payloads as stored. */
  constructor(bytesPerDay: number = Number.POSITIVE_INFINITY) {
    this.#bytesPerDay = bytesPerDay;
  }

  /** A record of so many bytes was stored. `nowMs`: since the Unix epoch. */
  take(bytes: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#usedBytes += bytes;
  }

  usedBytes(nowMs: number): number {
    this.#turn(nowMs);
    return this.#usedBytes;
  }

  isSpent(nowMs: number): boolean {
    return this.usedBytes(nowMs) >= this.#bytesPerDay;
  }

  /** What must outlive a restart; nothing changes in it where there is no bound. */
  state(): BudgetState {
    if (this.#bytesPerDay === Number.POSITIVE_INFINITY) return { day: 0, usedBytes: 0 };
    return { day: this.#day, usedBytes: this.#usedBytes };
  }

  restore({ day, usedBytes }: BudgetState): void {
    this.#day = day;
    this.#usedBytes = usedBytes;
  }

  /** Another day begins also when the clock is set back. */
  #turn(nowMs: number): void {
    const day = Math.floor(nowMs / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#usedBytes = 0;
  }
}
