import { z } from "zod";
import type { Json } from "../core/canonical-json.ts";
import type { Clock } from "../core/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { PendingEntries } from "../telemetry/durable-records/pending-entries.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { UpdatePhase } from "../telemetry/record/encode/update-phase.ts";
import { pendingPhase, phaseOf } from "./update-phase.ts";
import type { UpdateProgress } from "./update-progress.ts";
import { journalStore, type ReportingStore, type UpdateRecord, type UpdateStore } from "./update-record.ts";
import type { UpdateStep } from "./update-state.ts";

const SPACE: JournalSpace = "update";
const NUMBER = "phase-number";
const PENDING: JournalSpace = "update-phase";
/** Phases that wait for the outbox; the oldest goes beyond it, which shows as a hole in the numbers. */
const MAX_PENDING = 100;

const lastNumber = z.int().min(0);
export type UpdateReporterParts = {
  readonly journal: Pick<Journal, "atomically" | "get" | "list" | "put">;
  readonly sink: RecordSink<UpdatePhase>;
  /** Of the step that works. */
  readonly progress: () => Pick<UpdateProgress, "bytes">;
  readonly clock: Pick<Clock, "wallUs">;
};

/**
 * The store of the update, which reports each phase once: a phase is written in one transaction with the state that begins it, and
 * forgotten when it is in the outbox. What an earlier process left behind may be there already: it is reported again, and says so.
 */
export class UpdateReporter implements ReportingStore {
  readonly #parts: UpdateReporterParts;
  readonly #store: UpdateStore;
  readonly #pending: PendingEntries<UpdatePhase>;
  /** The first phase that this process noted. */
  #firstOwn = Number.POSITIVE_INFINITY;

  constructor(parts: UpdateReporterParts) {
    const { journal, sink } = parts;
    const read = (value: Json | undefined): UpdatePhase => {
      const phase = pendingPhase.parse(value);
      return { ...phase, repeated: phase.number < this.#firstOwn };
    };
    this.#parts = parts;
    this.#store = journalStore(journal);
    this.#pending = new PendingEntries({ journal, space: PENDING, max: MAX_PENDING, sink, read });
  }

  load(): UpdateRecord | undefined {
    return this.#store.load();
  }

  save(record: UpdateRecord): void {
    const before = this.#store.load()?.state.step;
    if (before === record.state.step) return this.#store.save(record);
    const number = this.#parts.journal.atomically(() => {
      this.#store.save(record);
      return this.#note(record, before);
    });
    this.#firstOwn = Math.min(this.#firstOwn, number);
  }

  report(): void {
    // What is not forgotten is reported again by the next process.
    this.#pending.settle();
  }

  #note(record: UpdateRecord, before: UpdateStep | undefined): number {
    const { journal, progress, clock } = this.#parts;
    const number = lastNumber.parse(journal.get(SPACE, NUMBER) ?? 0) + 1;
    const facts = { number, before, fetchedBytes: progress().bytes, timeUs: clock.wallUs() };
    this.#pending.add(number, phaseOf(record, facts));
    journal.put([{ space: SPACE, key: NUMBER, value: number }]);
    return number;
  }
}
