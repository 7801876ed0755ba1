import type { ProgramLimits } from "../../config/programs.ts";
import type { Clock } from "../core/clock.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { Outbox } from "../ports/outbox.ts";
import { StoredShare } from "./stored-share.ts";

const SECOND_MS = 1000;
/** The outbox is asked at most so often what has left it, ms: a program at its bound may ask a thousand times a second. */
const SETTLE_MS = 250;

/** What a program has done since start. */
export type ProgramCounts = {
  /** Stored, and the bytes of their payloads. */
  records: number;
  bytes: number;
  /** Lines that were answered with an error. */
  refused: number;
  /** Times that it had to wait because of its rate. */
  delayed: number;
};

/** What the configuration lets a program do, and what it has done: one for all connections of its name. */
export class ProgramClient {
  /** Empty for all that say no name. */
  readonly name: string;
  readonly limits: ProgramLimits;
  readonly counts: ProgramCounts = { records: 0, bytes: 0, refused: 0, delayed: 0 };
  readonly share: StoredShare;
  /** Bytes that were taken and are not stored yet. */
  pendingBytes = 0;
  readonly #records: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #nowMs: () => number;
  #settledMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, limits: ProgramLimits, outbox: Pick<Outbox, "stats" | "read" | "lastRow">, clock: Clock) {
    this.name = name;
    this.limits = limits;
    this.#nowMs = () => clock.monotonicMs();
    this.share = new StoredShare(outbox, limits.maxStoredBytes);
    this.#records = new TokenBucket(limits.recordsPerSecond, SECOND_MS, this.#nowMs);
    this.#bytes = new TokenBucket(limits.bytesPerSecond, SECOND_MS, this.#nowMs);
  }

  /** Charges a line of so many bytes, whatever becomes of it. Gives for how long no more of its lines should be taken, ms. */
  charge(bytes: number): number {
    const waitMs = Math.max(this.#records.take(), this.#bytes.take(bytes));
    if (waitMs > 0) this.counts.delayed += 1;
    return waitMs;
  }

  /** Whether so many bytes more stay within its share of the outbox. */
  hasRoom(bytes: number): boolean {
    const mostBytes = this.limits.maxStoredBytes - this.pendingBytes - bytes;
    if (this.share.bytes <= mostBytes) return true;
    if (this.#nowMs() - this.#settledMs < SETTLE_MS) return false;
    this.#settledMs = this.#nowMs();
    this.share.settle();
    return this.share.bytes <= mostBytes;
  }
}
