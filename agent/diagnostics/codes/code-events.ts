import { z } from "zod";
import type { Json } from "../../core/canonical-json.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { PendingEntries } from "../../telemetry/durable-records/pending-entries.ts";
import type { RecordSink } from "../../telemetry/durable-records/record-sink.ts";
import type { CodeChange, TroubleCodeEvent } from "../../telemetry/record/encode/trouble-code.ts";
import { keptEvent } from "./kept-code.ts";

const SPACE: JournalSpace = "trouble-codes";
const NUMBER = "number";
const PENDING: JournalSpace = "trouble-code-event";
/** Events that wait for the outbox; the oldest goes beyond it, which shows as a hole in the numbers. */
const MAX_PENDING = 1000;

const lastNumber = z.int().min(0);
const json = z.json();

export type CodeEventsParts = {
  readonly journal: Pick<Journal, "get" | "list" | "put">;
  /** Stores the number of an event with its record, in one transaction. */
  readonly sink: RecordSink<TroubleCodeEvent>;
  /** Number of the newest event that the outbox has ever had, as it says; undefined where it has had none, or was lost. */
  readonly storedNumber: number | undefined;
};

/**
 * Events of trouble codes on their way to the outbox: each is numbered, waits in the journal, and is there once: what the outbox had before
 * a power cut is known by its number. Only where the outbox was lost, what waited is told as a repeat.
 */
export class CodeEvents {
  readonly #parts: CodeEventsParts;
  readonly #pending: PendingEntries<TroubleCodeEvent>;
  /** The first number that this process gave. */
  #firstOwn = Number.POSITIVE_INFINITY;

  constructor(parts: CodeEventsParts) {
    const { journal, sink, storedNumber } = parts;
    const read = (value: Json | undefined): TroubleCodeEvent => {
      const event = keptEvent.parse(value);
      return { ...event, isRepeated: storedNumber === undefined && event.number < this.#firstOwn };
    };
    this.#parts = parts;
    this.#pending = new PendingEntries({ journal, space: PENDING, max: MAX_PENDING, sink, read });
    const stored = journal.list(PENDING).filter(({ key }) => Number(key) <= (storedNumber ?? 0));
    if (stored.length > 0) journal.put(stored.map(({ key }) => ({ space: PENDING, key, value: undefined })));
  }

  /** Events that the bound threw away since start. */
  get dropped(): number {
    return this.#pending.dropped;
  }

  /** Numbers events; call inside the transaction of what they tell of. */
  add(changes: readonly CodeChange[]): readonly TroubleCodeEvent[] {
    const { journal, storedNumber } = this.#parts;
    if (changes.length === 0) return [];
    // A journal that was lost must not give the numbers of events that have been told.
    const before = Math.max(lastNumber.parse(journal.get(SPACE, NUMBER) ?? 0), storedNumber ?? 0);
    const numbered = changes.map((change, at) => ({ ...change, number: before + 1 + at }));
    this.#pending.addAll(numbered.map((event) => ({ number: event.number, value: asJson(event) })));
    journal.put([{ space: SPACE, key: NUMBER, value: before + numbered.length }]);
    return numbered.map((event) => ({ ...event, isRepeated: false }));
  }

  /** Hands over what waits; `events` are those of this process that were added last. Call outside a transaction. */
  handOver(events: readonly TroubleCodeEvent[] = []): void {
    this.#firstOwn = Math.min(this.#firstOwn, ...events.map(({ number }) => number));
    // What is not forgotten is known by its number in the next process.
    this.#pending.settle();
  }
}

/** `value` as JSON has it: members that are undefined are left out. */
export function asJson(value: object): Json {
  return json.parse(JSON.parse(JSON.stringify(value)));
}
