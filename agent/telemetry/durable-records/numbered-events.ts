import { z } from "zod";
import type { Json } from "../../core/canonical-json.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { PendingEntries } from "./pending-entries.ts";
import type { RecordSink } from "./record-sink.ts";

const NUMBER = "number";
/** Events that wait for the outbox; the oldest goes beyond it, which shows as a hole in the numbers. */
const MAX_PENDING = 1000;

const lastNumber = z.int().min(0);
const json = z.json();

/** What makes a change of something an event. */
export type EventNumber = {
  /** Counts the events of its kind that the vehicle's journal has seen. */
  readonly number: number;
  /** Whether it may have been told already: the outbox was lost since. */
  readonly isRepeated: boolean;
};

export type NumberedEventsParts<Change extends object> = {
  readonly journal: Pick<Journal, "get" | "list" | "put">;
  /** Where the newest number is, as "number", and where events wait. */
  readonly spaces: { readonly number: JournalSpace; readonly pending: JournalSpace };
  /** Stores the number of an event with its record, in one transaction. */
  readonly sink: RecordSink<Change & EventNumber>;
  /** Number of the newest event that the outbox has ever had, as it says; undefined where it has had none, or was lost. */
  readonly storedNumber: number | undefined;
  /** Reads an event as the journal keeps it. */
  readonly read: (value: Json | undefined) => Change & Pick<EventNumber, "number">;
};

/**
 * Events on their way to the outbox: each is numbered, waits in the journal, and is there once: what the outbox had before a power cut is
 * known by its number. Only where the outbox was lost, what waited is told as a repeat.
 */
export class NumberedEvents<Change extends object> {
  readonly #parts: NumberedEventsParts<Change>;
  readonly #pending: PendingEntries<Change & EventNumber>;
  /** The first number that this process gave. */
  #firstOwn = Number.POSITIVE_INFINITY;

  constructor(parts: NumberedEventsParts<Change>) {
    const { journal, sink, storedNumber, spaces } = parts;
    const space = spaces.pending;
    const read = (value: Json | undefined): Change & EventNumber => {
      const event = parts.read(value);
      return { ...event, isRepeated: storedNumber === undefined && event.number < this.#firstOwn };
    };
    this.#parts = parts;
    this.#pending = new PendingEntries({ journal, space, max: MAX_PENDING, sink, read });
    const stored = journal.list(space).filter(({ key }) => Number(key) <= (storedNumber ?? 0));
    if (stored.length > 0) journal.put(stored.map(({ key }) => ({ space, key, value: undefined })));
  }

  /** Events that the bound threw away since start. */
  get dropped(): number {
    return this.#pending.dropped;
  }

  /** Numbers events; call inside the transaction of what they tell of. */
  add(changes: readonly Change[]): readonly (Change & EventNumber)[] {
    const { journal, storedNumber, spaces } = this.#parts;
    if (changes.length === 0) return [];
    // A journal that was lost must not give the numbers of events that have been told.
    const before = Math.max(lastNumber.parse(journal.get(spaces.number, NUMBER) ?? 0), storedNumber ?? 0);
    const numbered = changes.map((change, at) => ({ ...change, number: before + 1 + at }));
    this.#pending.addAll(numbered.map((event) => ({ number: event.number, value: asJson(event) })));
    journal.put([{ space: spaces.number, key: NUMBER, value: before + numbered.length }]);
    return numbered.map((event) => ({ ...event, isRepeated: false }));
  }

  /** Hands over what waits; `events` are those of this process that were added last. Call outside a transaction. */
  handOver(events: readonly EventNumber[] = []): void {
    this.#firstOwn = Math.min(this.#firstOwn, ...events.map(({ number }) => number));
    // What is not forgotten is known by its number in the next process.
    this.#pending.settle();
  }
}

/** `value` as JSON has it: members that are undefined are left out. */
export function asJson(value: object): Json {
  return json.parse(JSON.parse(JSON.stringify(value)));
}
