const HOUR_MS = 3_600_000;
const HOURS = 24;

/** What was added in the last 24 hours, to the hour: the oldest goes an hour at a time. */
export class DaySum {
  readonly #hours = new Float64Array(HOURS);
  /** The newest, since the time began that `nowMs` counts. */
  #hour = 0;

  /** `nowMs`: of a clock that nobody sets back. */
  add(amount: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#hours[this.#hour % HOURS] += amount;
  }

  sum(nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#hours.reduce((sum, amount) => sum + amount, 0);
  }

  #moveTo(nowMs: number): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour <= this.#hour) return;
    if (hour - this.#hour >= HOURS) this.#hours.fill(0);
    else for (let next = this.#hour + 1; next <= hour; next += 1) this.#hours[next % HOURS] = 0;
    this.#hour = hour;
  }
}
