import type { Json } from "../../core/canonical-json.ts";
import { isJournalFault, type Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { RecordSink } from "./record-sink.ts";

/** What pending entries are kept with. `read` makes an entry of what the journal gives; `max` bounds those that wait. */
export type PendingEntriesParts<T> = {
  readonly journal: Pick<Journal, "list" | "put">;
  readonly space: JournalSpace;
  readonly max: number;
  readonly sink: RecordSink<T>;
  readonly read: (value: Json | undefined) => T;
};

/**
 * Numbered entries on their way to the outbox: each waits in the journal until the outbox has it. What an earlier process left behind
 * may be there already, and is handed over again.
 */
export class PendingEntries<T> {
  readonly #parts: PendingEntriesParts<T>;
  /** The last number that was handed over by this process. */
  #handed = 0;
  #dropped = 0;

  constructor(parts: PendingEntriesParts<T>) {
    this.#parts = parts;
  }

  /** Entries that the bound threw away since start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Adds an entry; call inside the transaction of what it tells of, so that one write does for both. Those that the outbox has go
   * with it; so does the oldest beyond the bound, which shows as a hole in the numbers.
   */
  add(number: number, value: Json): void {
    this.addAll([{ number, value }]);
  }

  /** As `add`, of several with ascending numbers. */
  addAll(entries: readonly { readonly number: number; readonly value: Json }[]): void {
    const { journal, space, max } = this.#parts;
    const pending = journal.list(space);
    const kept = entries.slice(-max);
    const beyond = pending.slice(0, Math.max(0, pending.length - max + kept.length)).map(({ key }) => key);
    const stored = new Set(this.#stored());
    const over = new Set([...beyond, ...stored]);
    this.#dropped += beyond.filter((key) => !stored.has(key)).length + entries.length - kept.length;
    journal.put([
      ...[...over].map((key) => ({ space, key, value: undefined })),
      ...kept.map(({ number, value }) => ({ space, key: keyOf(number), value })),
    ]);
  }

  /** Hands over what waits; call outside a transaction. */
  handOver(): void {
    const { journal, space, sink, read } = this.#parts;
    if (!sink.hasRoom()) return;
    const waiting = journal.list(space).filter(({ key }) => Number(key) > this.#handed);
    if (waiting.length === 0) return;
    sink.handOver(waiting.map(({ value }) => read(value)));
    this.#handed = Number(waiting.at(-1)?.key);
  }

  /**
   * Hands over what waits, and forgets what the outbox has, in a write of its own: so that the next process does not hand it over again.
   * Where the journal refuses that, it does. Call outside a transaction.
   */
  settle(): void {
    try {
      this.handOver();
      this.#forget();
    } catch (thrown) {
      if (!isJournalFault(thrown)) throw thrown;
    }
  }

  #forget(): void {
    const { journal, space } = this.#parts;
    const stored = this.#stored();
    if (stored.length > 0) journal.put(stored.map((key) => ({ space, key, value: undefined })));
  }

  #stored(): readonly string[] {
    const { journal, space, sink } = this.#parts;
    if (!sink.isStored()) return [];
    const handed = journal.list(space).filter(({ key }) => Number(key) <= this.#handed);
    return handed.map(({ key }) => key);
  }
}

/** Keys sort as text, so numbers are padded. */
function keyOf(number: number): string {
  return String(number).padStart(16, "0");
}
