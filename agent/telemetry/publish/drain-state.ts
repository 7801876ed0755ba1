import type { Topics } from "../../cloud/topics.ts";
import type { Clock } from "../../core/clock.ts";
import type { Outbox, QueuedRecord } from "../../ports/outbox.ts";
import { type Admission, DrainOrder, type NextRecord } from "./drain-order.ts";
import { ExpiredRecords } from "./expired-records.ts";
import { InFlight } from "./in-flight.ts";
import { topicOf } from "./record-publication.ts";
import type { SendBudget } from "./send-budget.ts";
import { Suspects } from "./suspects.ts";
import { TopicBackoff } from "./topic-backoff.ts";

const REJECTION_BACKOFF = { minMs: 1000, maxMs: 300_000 };

/** What a drain goes by. `random` gives 0 <= x < 1. */
export type DrainStateParts = {
  readonly outbox: Outbox;
  readonly topics: Topics;
  /** Bound of old records on their way, and of raw frames. */
  readonly backlogBytes: number;
  /** Longest time between two boots that is believed; beyond it the age of a record is not known. */
  readonly maxGapMs: number;
  readonly clock: Clock;
  readonly random: () => number;
};

/** What waits for its turn, what may not have it now, and what is on its way: from these follows which record goes next. */
export class DrainState {
  readonly drainOrder: DrainOrder;
  readonly backoff: TopicBackoff;
  readonly inFlight: InFlight;
  readonly expired: ExpiredRecords;
  readonly suspects = new Suspects();
  readonly #topics: Topics;
  /** A record goes where none of them holds it back. */
  readonly #budgets: SendBudget[] = [];

  constructor({ outbox, topics, backlogBytes, maxGapMs, clock, random }: DrainStateParts) {
    this.drainOrder = new DrainOrder(outbox);
    this.backoff = new TopicBackoff(REJECTION_BACKOFF, random);
    this.inFlight = new InFlight(outbox, backlogBytes);
    this.expired = new ExpiredRecords(clock, maxGapMs);
    this.#topics = topics;
  }

  /** From here on `budget` is asked too. */
  goBy(budget: SendBudget): void {
    this.#budgets.push(budget);
    this.inFlight.keepFor(budget);
  }

  get budgets(): readonly SendBudget[] {
    return this.#budgets;
  }

  /** Whether nothing is on its way, and nothing waits to be tried alone. */
  get isIdle(): boolean {
    return this.inFlight.count === 0 && this.suspects.isEmpty;
  }

  /** The next record that may go, where up to `window` are on their way; undefined when there is none now. Throws what the outbox throws. */
  next(window: number, nowMs: number): NextRecord | undefined {
    return this.drainOrder.next((record) => this.#admit(record, nowMs), this.inFlight.isBacklogFull(window, nowMs));
  }

  /** The suspect that is to be tried next, on its own; undefined when none may be. */
  nextSuspect(nowMs: number): NextRecord | undefined {
    return this.suspects.next(
      ({ record }) => !this.#isHeld(record) && this.backoff.admits(topicOf(record, this.#topics), nowMs),
    );
  }

  /** What was passed over gets its turn again. */
  lookAgain(): void {
    this.drainOrder.rewind(this.drainOrder.backlogEnd);
  }

  #admit(record: QueuedRecord, nowMs: number): Admission {
    if (this.inFlight.has(record.row) || this.suspects.has(record.row)) return "skip";
    if (record.stream === "capture" && this.inFlight.isCaptureFull) return "stop";
    const life = this.expired.judge(record);
    if (life !== "alive") return life === "taken" ? "skip" : "stop";
    if (this.#isHeld(record)) return "stop";
    if (this.backoff.admits(topicOf(record, this.#topics), nowMs)) return "take";
    // All other records of a stream share their topic; a signal table, and what has a topic of its own, stand alone among them.
    return record.retainKey === undefined && record.route === undefined ? "stop" : "skip";
  }

  #isHeld({ stream, payload, row }: QueuedRecord): boolean {
    return this.#budgets.some((budget) => budget.allow(stream, payload.length, row).kind === "held");
  }
}
