import { type Outbox, type Outgoing, STREAMS, type StreamName } from "../../ports/outbox.ts";

/** What is read from the outbox at a time, a lane. */
const READ_RECORDS = 32;
const READ_BYTES = 262_144;

/** "fresh": stored since the link came up, or a moment ago; "backlog": older. */
export type LaneKind = "fresh" | "backlog";
/** A record whose turn it is. */
export type Pick = { readonly record: Outgoing; readonly kind: LaneKind };
/** What to do with the next record of a lane: send it, pass over it, or leave its whole lane alone for now. */
export type Verdict = "take" | "skip" | "stop";

type Lane = { readonly stream: StreamName; cursor: number; buffer: readonly Outgoing[]; next: number; emptyAt: number };

/**
 * The order in which records leave the outbox: by class (`STREAMS`); in a class fresh ones first, so that live data never waits behind
 * a backlog of its class or a lower one, then oldest first.
 */
export class Lanes {
  readonly #outbox: Outbox;
  #fresh: readonly Lane[] = [];
  #backlog: readonly Lane[] = [];
  #fence = 0;
  #backfills = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    this.rewind(0);
  }

  /** Highest row that counts as backlog. */
  get fence(): number {
    return this.#fence;
  }

  /** Starts over: every record that is still stored gets its turn again. Rows above `fence` are fresh. */
  rewind(fence: number): void {
    this.#fence = fence;
    this.#fresh = lanesFrom(fence);
    this.#backlog = lanesFrom(0);
  }

  /** Fresh records up to `fence` that have not had their turn become backlog. */
  raise(fence: number): void {
    if (fence <= this.#fence) return;
    this.#fence = fence;
    for (const lane of this.#fresh) {
      if (lane.cursor < fence) restart(lane, fence);
      while (lane.next < lane.buffer.length && lane.buffer[lane.next].row <= fence) lane.next += 1;
    }
    for (const lane of this.#backlog) lane.emptyAt = -1;
  }

  /** The next record that `judge` lets through; undefined when there is none now. Never looks at the backlog when `freshOnly`. */
  next(judge: (record: Outgoing) => Verdict, freshOnly: boolean): Pick | undefined {
    const lastRow = this.#outbox.lastRow();
    this.#noteBackfills();
    for (const [at, lane] of this.#fresh.entries()) {
      const fresh = this.#take(lane, Number.MAX_SAFE_INTEGER, lastRow, judge);
      if (fresh !== undefined) return { record: fresh, kind: "fresh" };
      if (freshOnly) continue;
      const stored = this.#take(this.#backlog[at], this.#fence, Math.min(lastRow, this.#fence), judge);
      if (stored !== undefined) return { record: stored, kind: "backlog" };
    }
    return undefined;
  }

  /** Records that came in below what was read are backlog that has not had its turn. */
  #noteBackfills(): void {
    const backfills = this.#outbox.backfills();
    if (backfills === this.#backfills) return;
    this.#backfills = backfills;
    this.#backlog = lanesFrom(0);
  }

  #take(lane: Lane, throughRow: number, lastRow: number, judge: (record: Outgoing) => Verdict): Outgoing | undefined {
    for (;;) {
      if (lane.next >= lane.buffer.length && !this.#refill(lane, throughRow, lastRow)) return undefined;
      const record = lane.buffer[lane.next];
      const verdict = judge(record);
      if (verdict === "stop") return undefined;
      lane.next += 1;
      if (verdict === "take") return record;
    }
  }

  /** Asks the outbox only when something was appended since the lane was found empty. */
  #refill(lane: Lane, throughRow: number, lastRow: number): boolean {
    if (lastRow <= lane.emptyAt || lastRow <= lane.cursor) return false;
    lane.buffer = this.#outbox.read(lane.stream, lane.cursor, throughRow, READ_RECORDS, READ_BYTES);
    lane.next = 0;
    lane.cursor = lane.buffer.at(-1)?.row ?? lane.cursor;
    if (lane.buffer.length > 0) return true;
    lane.emptyAt = lastRow;
    return false;
  }
}

function lanesFrom(cursor: number): readonly Lane[] {
  return STREAMS.map((stream) => ({ stream, cursor, buffer: [], next: 0, emptyAt: -1 }));
}

function restart(lane: Lane, cursor: number): void {
  lane.cursor = cursor;
  lane.buffer = [];
  lane.next = 0;
  lane.emptyAt = -1;
}
