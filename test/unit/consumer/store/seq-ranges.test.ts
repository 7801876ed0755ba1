import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SeqRange, SeqRanges } from "../../../../agent/consumer/store/seq-ranges.ts";

const SEED = 15;
const HIGHEST = 60;

const range = fc
  .tuple(fc.integer({ min: 1, max: HIGHEST }), fc.integer({ min: 0, max: 6 }))
  .map(([first, more]): SeqRange => ({ first, last: Math.min(HIGHEST, first + more) }));

function seqsOf({ first, last }: SeqRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

/** Runs of seqs that are in `set`. */
function runs(set: ReadonlySet<number>): number {
  return [...set].filter((seq) => !set.has(seq - 1)).length;
}

describe("SeqRanges", () => {
  it("holds what a plain set holds, whatever is added in whatever order", () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), range, (added, max, asked) => {
        const ranges = new SeqRanges(max);
        let set = new Set<number>();
        for (const one of added) {
          const after = new Set([...set, ...seqsOf(one)]);
          const expected = after.size === set.size ? "known" : runs(after) > max ? "full" : "new";
          expect(ranges.addRange(one)).toBe(expected);
          if (expected === "new") set = after;
        }
        expect(ranges.size).toBe(runs(set));
        expect(ranges.highest).toBe(Math.max(0, ...set));
        for (let seq = 0; seq <= HIGHEST + 2; seq++) expect(ranges.has(seq), `${seq}`).toBe(set.has(seq));
        expect([...ranges.missing(asked)].flatMap(seqsOf)).toEqual(seqsOf(asked).filter((seq) => !set.has(seq)));
        expect(ranges.overlaps(asked)).toBe(seqsOf(asked).some((seq) => set.has(seq)));
        expect(new SeqRanges(max, ranges.toArray()).toArray()).toEqual(ranges.toArray());
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("gives missing seqs as whole ranges", () => {
    const ranges = new SeqRanges(10, [3, 4, 8, 8]);
    expect([...ranges.missing({ first: 1, last: 10 })]).toEqual([
      { first: 1, last: 2 },
      { first: 5, last: 7 },
      { first: 9, last: 10 },
    ]);
  });

  it("takes what joins ranges at its bound, and refuses what makes one more", () => {
    const ranges = new SeqRanges(2, [1, 1, 3, 3]);
    expect(ranges.add(9)).toBe("full");
    expect(ranges.has(9)).toBe(false);
    expect(ranges.add(2)).toBe("new");
    expect(ranges.toArray()).toEqual([1, 3]);
  });
});
