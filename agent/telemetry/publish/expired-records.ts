import type { Clock } from "../../core/clock.ts";
import type { Outbox, QueuedRecord, StreamName } from "../../ports/outbox.ts";
import { isExpired } from "./record-publication.ts";

/** Expired records that are dropped in one turn: a few ms of the main thread. A backlog whose life has ended takes many turns. */
const ROWS_A_TURN = 100;

/** Collects the records whose life has ended, and drops them together: a few at a time, so that nothing else waits for it. */
export class ExpiredRecords {
  readonly #clock: Clock;
  readonly #maxGapMs: number;
  #rows = new Map<StreamName, number[]>();
  #count = 0;

  /** `maxGapMs`: longest time between two boots that is believed. */
  constructor(clock: Clock, maxGapMs: number) {
    this.#clock = clock;
    this.#maxGapMs = maxGapMs;
  }

  /** "alive": send it; "taken": its life has ended, and the next `drop` drops it; "later": the same, but this turn has its number. */
  judge(record: QueuedRecord): "alive" | "taken" | "later" {
    if (!isExpired(record, this.#clock, this.#maxGapMs)) return "alive";
    if (this.#count >= ROWS_A_TURN) return "later";
    this.#count += 1;
    const rows = this.#rows.get(record.stream) ?? [];
    rows.push(record.row);
    this.#rows.set(record.stream, rows);
    return "taken";
  }

  /** Drops what was taken. Gives whether another turn should come at once. Throws what the outbox throws; what it has not dropped is then judged again. */
  drop(outbox: Outbox): boolean {
    const taken = this.#rows;
    const isFull = this.#count >= ROWS_A_TURN;
    this.forget();
    for (const [stream, rows] of taken) outbox.lose(rows, "expired", `the life set in outbox.lifeMs.${stream} ended`);
    return isFull;
  }

  /** What was taken is judged again. */
  forget(): void {
    this.#rows = new Map();
    this.#count = 0;
  }
}
