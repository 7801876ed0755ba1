import { z } from "zod";
import { LINK_USES, type LinkUse } from "../../../config/link.ts";
import { type Clock, isBelievable } from "../../core/clock.ts";
import type { KeptValue } from "../../ports/outbox.ts";
import { dayOf, monthOf } from "./calendar.ts";
import { NO_PERIOD, periodAt, type UsagePeriod } from "./usage-period.ts";

/** Key of the counts among the kept values of the outbox. */
export const DATA_USAGE_KEY = "data-usage";
/**
 * Counts are on the disk before the bytes go out, so much ahead of them for each link and use that sends: after a kill a count is never too
 * low, and too high by at most this, about what the largest record has. It is what goes out between two acknowledgements, which count
 * in their own transaction: counting costs none of its own then.
 */
export const AHEAD_BYTES = 131_072;
/** Links that are counted one by one; what goes over further ones counts for the last of them. */
const MAX_LINKS = 16;
/** A day is noticed to have begun so late at most, ms. */
const LOOK_MS = 500;
const DAY_MS = 86_400_000;
const MONTH_MS = 31 * DAY_MS;

const count = z.int().min(0);
const period = z.object({
  number: z.int().optional(),
  begun: z.array(z.int()).max(64).readonly(),
  ranMs: z.number().min(0),
});
const keptUsage = z.object({
  day: period,
  month: period,
  counts: z
    .array(z.object({ link: z.string(), use: z.enum(LINK_USES), day: count, month: count }))
    .max(MAX_LINKS * LINK_USES.length)
    .readonly(),
});
type KeptUsage = z.infer<typeof keptUsage>;

/** Bytes that went over a link for one use, this day and this month. */
export type UsageCount = {
  readonly link: string;
  readonly use: LinkUse;
  readonly dayBytes: number;
  readonly monthBytes: number;
};

/** The counts of a day that is over. `day`: days since 1970, undefined where no clock was believed in it. */
export type EndedDay = { readonly day: number | undefined; readonly counts: readonly UsageCount[] };

export type DataUsageParts = {
  /** As it was kept; undefined where nothing was, or it is damaged: then counts begin at zero. */
  readonly kept: Uint8Array | undefined;
  /** Keeps the counts, and the record of a day that is over, in one piece. False where the outbox does not take them now. */
  readonly keep: (value: Uint8Array, ended: EndedDay | undefined) => boolean;
  readonly clock: Pick<Clock, "wallUs" | "monotonicMs" | "boottimeMs" | "quality">;
};

/** `aheadBytes`: by how much what is kept is more than what went out. */
type Count = { readonly link: string; readonly use: LinkUse; dayBytes: number; monthBytes: number; aheadBytes: number };

/** Bytes by link and use, a day and a month of UTC. A count that is kept is never behind what went out, and ahead by `AHEAD_BYTES` at most. */
export class DataUsage {
  readonly #parts: DataUsageParts;
  readonly #counts: Count[] = [];
  /** Those that something was counted for since the day began, or since the start: they are kept ahead. */
  readonly #busy = new Set<Count>();
  #day: UsagePeriod = NO_PERIOD;
  #month: UsagePeriod = NO_PERIOD;
  #turnMs: number;
  #lookDueMs = Number.NEGATIVE_INFINITY;
  /** Whether the outbox has not taken what it was given last. */
  #isStale = false;
  /** A day that is over, and whose record the outbox has not taken yet. */
  #untold: EndedDay | undefined;

  constructor(parts: DataUsageParts) {
    this.#parts = parts;
    this.#turnMs = parts.clock.boottimeMs();
    const kept = readKept(parts.kept);
    if (kept === undefined) return;
    this.#day = { number: undefined, ...kept.day };
    this.#month = { number: undefined, ...kept.month };
    for (const { link, use, day, month } of kept.counts)
      this.#counts.push({ link, use, dayBytes: day, monthBytes: month, aheadBytes: 0 });
  }

  /** Sees whether another day or month has begun. Cheap: done before each question. */
  turn(): void {
    const { clock } = this.#parts;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs < this.#lookDueMs) return;
    this.#lookDueMs = monotonicMs + LOOK_MS;
    const nowMs = clock.boottimeMs();
    const wallMs = isBelievable(clock.quality()) ? clock.wallUs() / 1000 : undefined;
    const passedMs = nowMs - this.#turnMs;
    this.#turnMs = nowMs;
    const before = this.#day.number;
    const day = periodAt(this.#day, wallMs === undefined ? undefined : dayOf(wallMs), passedMs, DAY_MS);
    const month = periodAt(this.#month, wallMs === undefined ? undefined : monthOf(wallMs), passedMs, MONTH_MS);
    this.#day = day.period;
    this.#month = month.period;
    if (!day.begins && !month.begins) return;
    if (day.begins) this.#untold = { day: before, counts: this.#counts.filter(isUsed).map((one) => ({ ...one })) };
    for (const one of this.#counts) {
      if (day.begins) one.dayBytes = 0;
      if (month.begins) one.monthBytes = 0;
    }
    this.settle();
  }

  /** Counts bytes that are about to go out. Faults of the outbox are borne: what it does not keep now it is given again with the next. */
  add(link: string, use: LinkUse, bytes: number): void {
    this.turn();
    const one = this.#countOf(link, use);
    one.dayBytes += bytes;
    one.monthBytes += bytes;
    one.aheadBytes -= bytes;
    this.#busy.add(one);
    if (one.aheadBytes < 0 || this.#isStale) this.#keep();
  }

  /** As they are, without what is kept ahead; they go on counting. */
  get counts(): readonly UsageCount[] {
    return this.#counts;
  }

  /** Keeps the counts with nothing ahead: for a stop in order. */
  settle(): void {
    this.#busy.clear();
    this.#keep();
  }

  #countOf(link: string, use: LinkUse): Count {
    const found = this.#counts.find((one) => one.link === link && one.use === use);
    if (found !== undefined) return found;
    const links = [...new Set(this.#counts.map((one) => one.link))];
    if (!links.includes(link) && links.length >= MAX_LINKS) return this.#countOf(links[MAX_LINKS - 1], use);
    const made = { link, use, dayBytes: 0, monthBytes: 0, aheadBytes: 0 };
    this.#counts.push(made);
    return made;
  }

  /**
   * The counts, where what is kept ahead has been used by a half and somebody else writes to the outbox anyway. `done`: they were kept
   * before anything else was counted.
   */
  keeping(): { readonly kept: readonly KeptValue[]; readonly done: () => void } | undefined {
    let isLow = false;
    for (const one of this.#busy) if (one.aheadBytes < AHEAD_BYTES / 2) isLow = true;
    if (!isLow || this.#untold !== undefined) return undefined;
    return { kept: [{ key: DATA_USAGE_KEY, value: this.#value() }], done: () => this.#wasKept() };
  }

  #keep(): void {
    this.#isStale = !this.#parts.keep(this.#value(), this.#untold);
    if (this.#isStale) return;
    this.#untold = undefined;
    this.#wasKept();
  }

  #wasKept(): void {
    for (const one of this.#counts) one.aheadBytes = this.#aheadOf(one);
  }

  #aheadOf(one: Count): number {
    return this.#busy.has(one) ? AHEAD_BYTES : 0;
  }

  #value(): Uint8Array {
    const counts = this.#counts.map((one) => ({
      link: one.link,
      use: one.use,
      day: one.dayBytes + this.#aheadOf(one),
      month: one.monthBytes + this.#aheadOf(one),
    }));
    const value: KeptUsage = { day: this.#day, month: this.#month, counts };
    return new TextEncoder().encode(JSON.stringify(value));
  }
}

function isUsed({ dayBytes }: UsageCount): boolean {
  return dayBytes > 0;
}

function readKept(kept: Uint8Array | undefined): KeptUsage | undefined {
  if (kept === undefined) return undefined;
  try {
    return keptUsage.parse(JSON.parse(new TextDecoder().decode(kept)));
  } catch {
    // Nobody else can say what went out: the outbox has found its bytes whole, so that this is of a version to come.
    return undefined;
  }
}
