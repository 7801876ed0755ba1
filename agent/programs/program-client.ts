import type { ProgramLimits } from "../../config/programs.ts";
import type { Clock } from "../core/clock.ts";
import type { ProgramStream } from "../core/program-streams.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { KeptValue } from "../ports/outbox.ts";
import { type ShareOutbox, StoredShare } from "./stored-share.ts";

const SECOND_MS = 1000;
/** The outbox is asked at most so often what has left it, ms: a program at its bound may ask a thousand times a second. */
const SETTLE_MS = 250;
/** The share of a program is kept beside the records under this and its name. */
const SHARE_KEY = "program-share/";

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
  readonly pendingBytes: Record<ProgramStream, number> = { event: 0, telemetry: 0 };
  readonly #records: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #nowMs: () => number;
  #settledMs = Number.NEGATIVE_INFINITY;

  /** `kept` is what the outbox keeps. */
  constructor(
    { name, ...limits }: { readonly name: string } & ProgramLimits,
    outbox: ShareOutbox,
    kept: readonly KeptValue[],
    clock: Clock,
  ) {
    this.name = name;
    this.limits = limits;
    this.#nowMs = () => clock.monotonicMs();
    const share = kept.find(({ key }) => key === this.#shareKey)?.value;
    this.share = new StoredShare(outbox, limits.maxStoredBytes, share);
    this.#records = new TokenBucket(limits.recordsPerSecond, SECOND_MS, this.#nowMs);
    this.#bytes = new TokenBucket(limits.bytesPerSecond, SECOND_MS, this.#nowMs);
  }

  /** Charges a line of so many bytes, whatever becomes of it. Gives for how long no more of its lines should be taken, ms. */
  charge(bytes: number): number {
    const waitMs = Math.max(this.#records.take(), this.#bytes.take(bytes));
    if (waitMs > 0) this.counts.delayed += 1;
    return waitMs;
  }

  /** To be kept in the transaction in which what is pending is stored. */
  keptShare(): readonly KeptValue[] {
    const value = this.share.kept(this.pendingBytes);
    return value === undefined ? [] : [{ key: this.#shareKey, value }];
  }

  get #shareKey(): string {
    return `${SHARE_KEY}${this.name}`;
  }

  /** Whether so many bytes more stay within its share of the outbox. */
  hasRoom(bytes: number): boolean {
    const { event, telemetry } = this.pendingBytes;
    const mostBytes = this.limits.maxStoredBytes - event - telemetry - bytes;
    if (this.share.bytes <= mostBytes) return true;
    if (this.#nowMs() - this.#settledMs < SETTLE_MS) return false;
    this.#settledMs = this.#nowMs();
    this.share.settle();
    return this.share.bytes <= mostBytes;
  }
}

/** Shares of programs that are not configured any more, to be forgotten. */
export function strayShares(names: ReadonlySet<string>, kept: readonly KeptValue[]): readonly KeptValue[] {
  const isStray = ({ key }: KeptValue): boolean => key.startsWith(SHARE_KEY) && !names.has(key.slice(SHARE_KEY.length));
  return kept.filter(isStray).map(({ key }) => ({ key, value: undefined }));
}
