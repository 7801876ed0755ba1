import type { KeptValue, Outbox } from "../../ports/outbox.ts";
import { BacklogWindow } from "./backlog-window.ts";
import type { NextRecord } from "./drain-order.ts";
import type { SendBudget } from "./send-budget.ts";

/** Acknowledged records are forgotten with the next that are stored, or by themselves: this many, or after this time: longer than a batch of the default. */
const ACK_RECORDS = 200;
/** Payloads of so many bytes are enough too: each page of them is freed by itself, which takes 0.2 to 0.7 s for 200 records of 120 kB. */
const ACK_BYTES = 2_097_152;
const ACK_MS = 2000;
/** Part of the window that the backlog may take, so that a fresh record never finds it full of old ones. */
const BACKLOG_SHARE = 0.75;

/** What has arrived and is to be forgotten by the outbox. */
export type Delivered = {
  /** Rows, and what is to be kept in the transaction that forgets them. */
  readonly rows: readonly number[];
  readonly kept: readonly KeptValue[];
  /** That transaction is durable. */
  done(): void;
};

/** The records that are on the way, and those that arrived and have not been forgotten by the outbox yet. */
export class InFlight {
  readonly #outbox: Outbox;
  readonly #backlogBytesLimit: number;
  readonly #backlogWindow = new BacklogWindow();
  readonly #busy = new Set<number>();
  readonly #keepers: SendBudget[] = [];
  #acked: number[] = [];
  #ackedBytes = 0;
  #ackDueMs = Number.POSITIVE_INFINITY;
  #count = 0;
  #backlogCount = 0;
  #backlogBytes = 0;
  #captureBytes = 0;

  constructor(outbox: Outbox, backlogBytesLimit: number) {
    this.#outbox = outbox;
    this.#backlogBytesLimit = backlogBytesLimit;
  }

  /** From here on what `keeper` has to keep is kept in the transaction in which records are forgotten. */
  keepFor(keeper: SendBudget): void {
    this.#keepers.push(keeper);
  }

  /** Records without an outcome. */
  get count(): number {
    return this.#count;
  }

  /** Monotonic ms at which acknowledged records should be forgotten; infinite when there are none. */
  get ackDueMs(): number {
    return this.#ackDueMs;
  }

  has(row: number): boolean {
    return this.#busy.has(row);
  }

  /** What is known of the link ends with its connection. */
  startConnection(nowMs: number): void {
    this.#backlogWindow.startConnection(nowMs);
  }

  /** Whether as much of the backlog is on the way as may be, where `window` records may be in all. */
  isBacklogFull(window: number, nowMs: number): boolean {
    if (this.#backlogBytes >= this.#backlogBytesLimit) return true;
    return this.#backlogCount >= this.#backlogWindow.limit(shareOf(window), nowMs);
  }

  /** Whether as many bytes of raw frames are on the way as may be: new ones too, or a slow link would be full of them when a command's answer comes. */
  get isCaptureFull(): boolean {
    return this.#captureBytes >= this.#backlogBytesLimit;
  }

  /** Holds the record in the outbox while it is on its way. False when it is not there any more, or another stands for it: then it must not be sent. */
  start(pick: NextRecord): boolean {
    const { row, seq } = pick.record;
    if (!this.#outbox.hold(row, seq)) return false;
    this.#busy.add(row);
    this.#backlogWindow.noteSent(row, pick.kind === "backlog", this.#backlogCount);
    this.#weigh(pick, 1);
    return true;
  }

  /** The outcome is known and good, and took so long: keeps the row until the outbox has forgotten it. */
  endAcked(pick: NextRecord, nowMs: number, tookMs: number): void {
    this.#weigh(pick, -1);
    const { record, kind } = pick;
    this.#backlogWindow.noteAcked({ row: record.row, isBacklog: kind === "backlog", tookMs }, nowMs);
    this.#ackedBytes += record.payload.length;
    if (this.#acked.push(record.row) === 1) this.#ackDueMs = nowMs + ACK_MS;
  }

  /** The outcome is known and the record is not delivered. */
  endOpen(pick: NextRecord): void {
    this.#weigh(pick, -1);
    this.#busy.delete(pick.record.row);
    this.#backlogWindow.forget(pick.record.row);
    this.#outbox.release(pick.record.row);
  }

  /** Lets the outbox forget what was acknowledged, when enough has come together or it has waited long enough. Throws what the outbox throws, and keeps the rows then. */
  forgetDue(nowMs: number): void {
    const isEnough = this.#acked.length >= ACK_RECORDS || this.#ackedBytes >= ACK_BYTES;
    if (isEnough || nowMs >= this.#ackDueMs) this.forgetAcked();
  }

  /** The same without waiting. */
  forgetAcked(): void {
    const delivered = this.delivered();
    if (delivered === undefined) return;
    this.#outbox.ack(delivered.rows, delivered.kept);
    delivered.done();
  }

  /** What was acknowledged, for a transaction that comes now; undefined where nothing was. */
  delivered(): Delivered | undefined {
    if (this.#acked.length === 0) return undefined;
    const rows = this.#acked;
    const keeping = this.#keepers.flatMap((keeper) => keeper.keeping?.() ?? []);
    return {
      rows,
      kept: keeping.flatMap(({ kept }) => kept),
      done: () => {
        for (const { done } of keeping) done();
        for (const row of rows) this.#busy.delete(row);
        this.#acked = [];
        this.#ackedBytes = 0;
        this.#ackDueMs = Number.POSITIVE_INFINITY;
      },
    };
  }

  #weigh({ record, kind }: NextRecord, by: 1 | -1): void {
    this.#count += by;
    if (record.stream === "capture") this.#captureBytes += by * record.payload.length;
    if (kind === "fresh") return;
    this.#backlogCount += by;
    this.#backlogBytes += by * record.payload.length;
  }
}

function shareOf(window: number): number {
  return Math.max(1, Math.floor(window * BACKLOG_SHARE));
}
