import { fullJitterMs } from "../../core/backoff.ts";
import type { LossRange, Outbox, RecordDraft } from "../../ports/outbox.ts";

const REPORTS_AT_A_TIME = 100;
/** Reports whose end is looked out for. */
const MAX_WATCHED = 1000;
const BACKOFF = { minMs: 2000, maxMs: 300_000 };

/**
 * Reports noted losses. A report that is refused for good gives its losses back, and its own number with them: reported at once, they would
 * be refused at once, for ever. So each rejection makes the next report wait longer, while the losses grow together into few ranges.
 */
export class LossReporter {
  readonly #draftOf: (loss: LossRange) => RecordDraft;
  readonly #random: () => number;
  readonly #watched = new Set<number>();
  #rejections = 0;
  #dueMs = 0;

  /** `random` gives 0 <= x < 1. */
  constructor(draftOf: (loss: LossRange) => RecordDraft, random: () => number) {
    this.#draftOf = draftOf;
    this.#random = random;
  }

  /** Reports what is noted, unless it is too soon after a rejection. */
  report(outbox: Outbox, nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    const count = outbox.reportLosses(this.#draftOf, REPORTS_AT_A_TIME);
    const lastRow = outbox.lastRow();
    for (let row = lastRow - count + 1; row <= lastRow; row++) this.#watched.add(row);
    for (const row of this.#watched) {
      if (this.#watched.size <= MAX_WATCHED) return;
      this.#watched.delete(row);
    }
  }

  /** The record at `row` was refused for good. */
  noteRejected(row: number, nowMs: number): void {
    if (!this.#watched.delete(row)) return;
    // Those of one report are refused together, and count once.
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + BACKOFF.minMs + fullJitterMs(this.#rejections, BACKOFF, this.#random);
    this.#rejections += 1;
  }

  noteDelivered(row: number): void {
    if (!this.#watched.delete(row)) return;
    this.#rejections = 0;
    this.#dueMs = 0;
  }
}
