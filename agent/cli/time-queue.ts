import type { ClockBook } from "../telemetry/record/read/clock-book.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";

/** Records that wait until the clock of their boot is known; with one more the oldest goes on as it is. */
const MAX_WAITING = 10_000;

/** Keeps the records of a stream, in their order, until what follows has said by how much their times are wrong. */
export class TimeQueue {
  /** Records that went on before anything was known of their clock. */
  early = 0;
  readonly #book: ClockBook;
  readonly #next: (record: DecodedRecord) => Promise<void>;
  #waiting: DecodedRecord[] = [];

  constructor(book: ClockBook, next: (record: DecodedRecord) => Promise<void>) {
    this.#book = book;
    this.#next = next;
  }

  async take(record: DecodedRecord): Promise<void> {
    this.#book.learn(record);
    this.#waiting.push(record);
    let go = 0;
    while (go < this.#waiting.length && this.#isKnown(this.#waiting[go])) go += 1;
    if (go === 0 && this.#waiting.length > MAX_WAITING) {
      this.early += 1;
      go = 1;
    }
    for (const one of this.#waiting.splice(0, go)) await this.#next(one);
  }

  /** No record follows: what still waits goes on. */
  async finish(): Promise<void> {
    for (const one of this.#waiting.splice(0)) await this.#next(one);
  }

  #isKnown(record: DecodedRecord): boolean {
    const { basis } = this.#book.correctionOf(record);
    return basis === "clock" || basis === "corrected" || record.body.kind === "table";
  }
}
