import { z } from "zod";
import type { LossRange } from "../../ports/outbox.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { type RangeOutcome, type SeqRange, SeqRanges } from "./seq-ranges.ts";

/** Ranges of each kind that an account holds: a thing whose seqs have more holes than this is broken, or wants to fill the store. */
export const MAX_ACCOUNT_RANGES = 10_000;

const numbers = z.array(z.int().min(0));

/** An account as a store keeps it: plain, and small as long as there are few holes. */
export const accountState = z.object({
  seen: numbers,
  lost: numbers,
  standIns: numbers,
  /** first, last, keptFirst, keptLast of each loss of the reason "thinned". */
  thinned: numbers,
  /** first, last, and µs since the Unix epoch of each jump over seqs. */
  jumps: numbers,
  /** Highest seq that has come and says that those before it were sent. */
  edge: z.int().min(0).default(0),
});
export type AccountState = z.infer<typeof accountState>;

const EMPTY: AccountState = { seen: [], lost: [], standIns: [], thinned: [], jumps: [], edge: 0 };

type Thinned = SeqRange & { readonly kept: SeqRange };
/** What an account asks of a record; without `body` it is not a table. */
type Arrived = Pick<DecodedRecord, "seq" | "thinned"> & { readonly body?: { readonly kind: string } };
type Jump = SeqRange & { readonly atUs: number };

/**
 * What has come of one (thing, epoch, stream), and what will not. Pure: a store reads its state, changes it and writes it back in the
 * transaction that writes the records.
 */
export class SeqAccount {
  readonly #seen: SeqRanges;
  readonly #lost: SeqRanges;
  readonly #standIns: SeqRanges;
  readonly #thinned: Thinned[];
  /** Seqs that a higher one came before, and when. */
  #jumps: Jump[];
  #edge: number;
  readonly #maxRanges: number;

  constructor(state: AccountState = EMPTY, maxRanges: number = MAX_ACCOUNT_RANGES) {
    this.#maxRanges = maxRanges;
    this.#seen = new SeqRanges(maxRanges, state.seen);
    this.#lost = new SeqRanges(maxRanges, state.lost);
    this.#standIns = new SeqRanges(maxRanges, state.standIns);
    this.#thinned = tuples(state.thinned, 4).map(([first, last, keptFirst, keptLast]) => {
      return { first, last, kept: { first: keptFirst, last: keptLast } };
    });
    this.#edge = state.edge;
    this.#jumps = tuples(state.jumps, 3).map(([first, last, atUs]) => ({ first, last, atUs }));
  }

  /** Highest seq that has come; 0 when none has. */
  get highest(): number {
    return this.#seen.highest;
  }

  has(seq: number): boolean {
    return this.#seen.has(seq);
  }

  /**
   * Enters a record that has come. "known": a repeat; "full": it must be refused, as nothing would know it again. A part of a signal table says
   * nothing of the seqs before it: the broker keeps it, of any epoch, for whoever subscribes years later.
   */
  take({ seq, thinned, body }: Arrived, receivedUs: number): RangeOutcome {
    const outcome = this.#seen.add(seq);
    if (outcome !== "new") return outcome;
    const before = this.#edge;
    if (body?.kind !== "table") this.#edge = Math.max(before, seq);
    if (this.#edge > before + 1) this.#jumps.push({ first: before + 1, last: this.#edge - 1, atUs: receivedUs });
    // Those that have no room any more show as gaps: told too much, never too little.
    for (const other of thinned?.seqs ?? []) this.#standIns.add(other);
    return "new";
  }

  /** Enters a loss of this epoch and stream; again without effect. "full": what it covers may show as a gap. */
  lose({ first, last, thinned }: Pick<LossRange, "first" | "last" | "thinned">): RangeOutcome {
    if (thinned === undefined) return this.#lost.addRange({ first, last });
    const kept = { first: thinned.keptFirst, last: thinned.keptLast };
    if (this.#thinned.some((known) => isSame(known, { first, last }) && isSame(known.kept, kept))) return "known";
    if (this.#thinned.length >= this.#maxRanges) return "full";
    this.#thinned.push({ first, last, kept });
    return "new";
  }

  /**
   * Gaps that have been known since `untilUs` or longer, ascending. Of thinned records one is accounted for when a record has come that
   * stands for it, or when one that may have is lost: then nobody can say any more which those were.
   */
  *gaps(untilUs: number): Generator<SeqRange & { readonly sinceUs: number }> {
    for (const { first, last, atUs } of this.#jumps) {
      if (atUs > untilUs) continue;
      for (const hole of this.#seen.missing({ first, last })) {
        for (const range of this.#unexplained(hole)) yield { ...range, sinceUs: atUs };
      }
    }
  }

  state(): AccountState {
    this.#jumps = this.#jumps.filter((jump) => !this.#seen.missing(jump).next().done);
    return {
      seen: this.#seen.toArray(),
      lost: this.#lost.toArray(),
      standIns: this.#standIns.toArray(),
      thinned: this.#thinned.flatMap(({ first, last, kept }) => [first, last, kept.first, kept.last]),
      jumps: this.#jumps.flatMap(({ first, last, atUs }) => [first, last, atUs]),
      edge: this.#edge,
    };
  }

  *#unexplained(hole: SeqRange): Generator<SeqRange> {
    const told = this.#thinned.filter((range) => range.first <= hole.last && hole.first <= range.last);
    const accounted = this.#accountedAsThinned(hole, told);
    for (const range of this.#lost.missing(hole)) yield* accounted.missing(range);
  }

  #accountedAsThinned(hole: SeqRange, told: readonly Thinned[]): SeqRanges {
    const accounted = new SeqRanges(Number.POSITIVE_INFINITY);
    for (const { first, last, kept } of told) {
      const part = { first: Math.max(first, hole.first), last: Math.min(last, hole.last) };
      if (this.#lost.overlaps(kept)) accounted.addRange(part);
      else for (const range of within(this.#standIns, part)) accounted.addRange(range);
    }
    return accounted;
  }
}

/** What of `part` is in `set`. */
function* within(set: SeqRanges, part: SeqRange): Generator<SeqRange> {
  let next = part.first;
  for (const { first, last } of set.missing(part)) {
    if (first > next) yield { first: next, last: first - 1 };
    next = last + 1;
  }
  if (next <= part.last) yield { first: next, last: part.last };
}

function isSame(one: SeqRange, other: SeqRange): boolean {
  return one.first === other.first && one.last === other.last;
}

function tuples(flat: readonly number[], length: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.floor(flat.length / length) }, (_, at) =>
    flat.slice(at * length, (at + 1) * length),
  );
}
