import { type Outbox, type QueuedRecord, STREAMS, type StreamName } from "../../ports/outbox.ts";

/** What is read from the outbox at a time for one queue. */
const READ_RECORDS = 32;
const READ_BYTES = 262_144;

/** "fresh": stored since the link came up, or a moment ago; "backlog": older. */
export type QueueKind = "fresh" | "backlog";
/** A record whose turn it is. */
export type NextRecord = { readonly record: QueuedRecord; readonly kind: QueueKind };
/** What to do with the next record of a queue: send it, pass over it, or leave its whole queue alone for now. */
export type Admission = "take" | "skip" | "stop";

type DrainQueue = {
  readonly stream: StreamName;
  cursor: number;
  buffer: readonly QueuedRecord[];
  next: number;
  emptyAt: number;
};

/**
 * The order in which records leave the outbox: by class (`STREAMS`); in a class fresh ones first, so that live data never waits behind
 * a backlog of its class or a lower one, then oldest first.
 */
export class DrainOrder {
  readonly #outbox: Outbox;
  #fresh: readonly DrainQueue[] = [];
  #backlog: readonly DrainQueue[] = [];
  #backlogEnd = 0;
  #backfills = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    this.rewind(0);
  }

  /** Highest row that counts as backlog. */
  get backlogEnd(): number {
    return this.#backlogEnd;
  }

  /** Starts over: every record that is still stored gets its turn again. Rows above `backlogEnd` are fresh. */
  rewind(backlogEnd: number): void {
    this.#backlogEnd = backlogEnd;
    this.#fresh = queuesFrom(backlogEnd);
    this.#backlog = queuesFrom(0);
  }

  /** Fresh records up to `backlogEnd` that have not had their turn become backlog. */
  advanceBacklogEnd(backlogEnd: number): void {
    if (backlogEnd <= this.#backlogEnd) return;
    this.#backlogEnd = backlogEnd;
    for (const queue of this.#fresh) {
      if (queue.cursor < backlogEnd) restart(queue, backlogEnd);
      while (queue.next < queue.buffer.length && queue.buffer[queue.next].row <= backlogEnd) queue.next += 1;
    }
    for (const queue of this.#backlog) queue.emptyAt = -1;
  }

  /** The next record that `admit` lets through; undefined when there is none now. Never looks at the backlog when `freshOnly`. */
  next(admit: (record: QueuedRecord) => Admission, freshOnly: boolean): NextRecord | undefined {
    const lastRow = this.#outbox.lastRow();
    this.#noteBackfills();
    for (const [at, queue] of this.#fresh.entries()) {
      const fresh = this.#take(queue, Number.MAX_SAFE_INTEGER, lastRow, admit);
      if (fresh !== undefined) return { record: fresh, kind: "fresh" };
      if (freshOnly) continue;
      const stored = this.#take(this.#backlog[at], this.#backlogEnd, Math.min(lastRow, this.#backlogEnd), admit);
      if (stored !== undefined) return { record: stored, kind: "backlog" };
    }
    return undefined;
  }

  /** Records that came in below what was read are backlog that has not had its turn. */
  #noteBackfills(): void {
    const backfills = this.#outbox.backfills();
    if (backfills === this.#backfills) return;
    this.#backfills = backfills;
    this.#backlog = queuesFrom(0);
  }

  #take(
    queue: DrainQueue,
    throughRow: number,
    lastRow: number,
    admit: (record: QueuedRecord) => Admission,
  ): QueuedRecord | undefined {
    for (;;) {
      if (queue.next >= queue.buffer.length && !this.#refill(queue, throughRow, lastRow)) return undefined;
      const record = queue.buffer[queue.next];
      const admission = admit(record);
      if (admission === "stop") return undefined;
      queue.next += 1;
      if (admission === "take") return record;
    }
  }

  /** Asks the outbox only when something was appended since the queue was found empty. */
  #refill(queue: DrainQueue, throughRow: number, lastRow: number): boolean {
    if (lastRow <= queue.emptyAt || lastRow <= queue.cursor) return false;
    queue.buffer = this.#outbox.read(queue.stream, queue.cursor, throughRow, READ_RECORDS, READ_BYTES);
    queue.next = 0;
    queue.cursor = queue.buffer.at(-1)?.row ?? queue.cursor;
    if (queue.buffer.length > 0) return true;
    queue.emptyAt = lastRow;
    return false;
  }
}

function queuesFrom(cursor: number): readonly DrainQueue[] {
  return STREAMS.map((stream) => ({ stream, cursor, buffer: [], next: 0, emptyAt: -1 }));
}

function restart(queue: DrainQueue, cursor: number): void {
  queue.cursor = cursor;
  queue.buffer = [];
  queue.next = 0;
  queue.emptyAt = -1;
}
