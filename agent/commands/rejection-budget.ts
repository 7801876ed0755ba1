import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { ReasonCode } from "./answer.ts";
import type { ReplyAddress } from "./request.ts";

const MINUTE_MS = 60_000;

/** Rejections that were not audited one by one: how many, on which channel, why, and since when (µs since the Unix epoch). */
export type RejectionCount = {
  readonly channel: ReplyAddress["channel"];
  readonly reason: ReasonCode;
  readonly count: number;
  readonly sinceUs: number;
};

export type RejectionBudgetParts = {
  /** Rejections that are remembered and audited one by one. */
  readonly perMinute: number;
  /** Audits the others together, and hands over what of the trail still waits; gives whether it could. */
  readonly audit: (counts: readonly RejectionCount[]) => boolean;
  /** Told of every rejection, also of one that is audited. */
  readonly onRejected?: ((channel: ReplyAddress["channel"], reason: ReasonCode) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Bounds what refused requests cost. Each one that is remembered and audited takes a write to the journal and a record that outranks
 * data, and whoever may publish to a channel can send as many as the link carries: past the budget they are only counted, by channel and
 * reason, and audited together once a minute. What was counted and not audited yet does not survive a kill.
 */
export class RejectionBudget {
  readonly #parts: RejectionBudgetParts;
  readonly #counts = new Map<string, RejectionCount>();
  /** All of them, since start. */
  readonly #reasons = new Map<ReasonCode, number>();
  readonly #rate: TokenBucket;
  #counted = 0;

  constructor(parts: RejectionBudgetParts) {
    this.#parts = parts;
    this.#rate = new TokenBucket(parts.perMinute, MINUTE_MS, () => parts.clock.monotonicMs());
  }

  /** Counted rejections since start. */
  get counted(): number {
    return this.#counted;
  }

  /** Refused requests since start, by why; those that were audited too. */
  reasons(): Readonly<Partial<Record<ReasonCode, number>>> {
    return Object.fromEntries(this.#reasons);
  }

  /** Notes that a request is refused, for who looks for that. */
  note(channel: RejectionCount["channel"], reason: ReasonCode): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    this.#parts.onRejected?.(channel, reason);
  }

  /** Whether one more may be audited by itself; it then counts against the budget. */
  admits(): boolean {
    if (!this.#rate.hasToken()) return false;
    this.#rate.take();
    return true;
  }

  /** Counts one that is not audited by itself. Channels and reasons are few, and so are the counts. */
  count(channel: RejectionCount["channel"], reason: ReasonCode): void {
    this.#counted += 1;
    const key = `${channel} ${reason}`;
    const before = this.#counts.get(key);
    const sinceUs = before?.sinceUs ?? this.#parts.clock.wallUs();
    this.#counts.set(key, { channel, reason, count: (before?.count ?? 0) + 1, sinceUs });
  }

  /** Audits what was counted, once a minute until the function that it gives is called, and then for the last time. */
  start(): () => void {
    const stop = this.#parts.clock.every(MINUTE_MS, () => this.#audit());
    return () => {
      stop();
      this.#audit();
    };
  }

  #audit(): void {
    const counts = [...this.#counts.values()];
    if (!this.#parts.audit(counts)) return;
    for (const { channel, reason, count } of counts)
      this.#parts.log.warn("command.rejected-over-budget", { channel, reason, count });
    this.#counts.clear();
  }
}
