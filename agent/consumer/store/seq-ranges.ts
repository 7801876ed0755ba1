/** Seq `first`..`last`, both included. */
export type SeqRange = { readonly first: number; readonly last: number };

/** "full": nothing was changed, as one more range would be over the bound. */
export type RangeOutcome = "new" | "known" | "full";

/**
 * A set of seqs (integers from 1) as ranges that neither touch nor overlap. Takes memory by ranges, not by seqs; forgets nothing: at its
 * bound of ranges it takes only what does not make one more.
 */
export class SeqRanges {
  /** First and last of each range, one after the other, ascending. */
  readonly #bounds: number[];
  readonly #maxRanges: number;

  /** `bounds` as `toArray` gives them. */
  constructor(maxRanges: number, bounds: readonly number[] = []) {
    this.#maxRanges = maxRanges;
    this.#bounds = [...bounds];
  }

  /** Number of ranges. */
  get size(): number {
    return this.#bounds.length / 2;
  }

  /** 0 in an empty set. */
  get highest(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  has(seq: number): boolean {
    const at = this.#endingFrom(seq);
    return at < this.#bounds.length && this.#bounds[at] <= seq;
  }

  /** Whether a seq of first..last is in the set. */
  overlaps({ first, last }: SeqRange): boolean {
    const at = this.#endingFrom(first);
    return at < this.#bounds.length && this.#bounds[at] <= last;
  }

  add(seq: number): RangeOutcome {
    return this.addRange({ first: seq, last: seq });
  }

  /** "known" when all of first..last was in the set. */
  addRange({ first, last }: SeqRange): RangeOutcome {
    // Ranges that touch it become one with it.
    const from = this.#endingFrom(first - 1);
    let to = from;
    while (to < this.#bounds.length && this.#bounds[to] <= last + 1) to += 2;
    if (to === from && this.size >= this.#maxRanges) return "full";
    if (to === from) {
      this.#bounds.splice(from, 0, first, last);
      return "new";
    }
    const lowest = this.#bounds[from];
    const highest = this.#bounds[to - 1];
    if (to - from === 2 && lowest <= first && last <= highest) return "known";
    this.#bounds.splice(from, to - from, Math.min(lowest, first), Math.max(highest, last));
    return "new";
  }

  /** What of first..last is not in the set, ascending. */
  *missing({ first, last }: SeqRange): Generator<SeqRange> {
    let next = first;
    for (let at = this.#endingFrom(first); next <= last; at += 2) {
      const start = at < this.#bounds.length ? this.#bounds[at] : last + 1;
      if (start > next) yield { first: next, last: Math.min(start - 1, last) };
      next = at < this.#bounds.length ? this.#bounds[at + 1] + 1 : last + 1;
    }
  }

  /** First and last of each range, ascending: for `JSON`, and for the constructor. */
  toArray(): number[] {
    return [...this.#bounds];
  }

  /** Where the first range begins in `#bounds` that ends at `seq` or after it. */
  #endingFrom(seq: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[middle * 2 + 1] < seq) low = middle + 1;
      else high = middle;
    }
    return low * 2;
  }
}
