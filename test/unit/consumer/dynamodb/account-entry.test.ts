import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AccountEntry,
  enterAll,
  entryText,
  parseEntry,
  takenEntries,
} from "../../../../agent/consumer/dynamodb/account-entry.ts";
import { SeqAccount } from "../../../../agent/consumer/store/seq-account.ts";

const SEED = 15;
const HIGHEST = 30;

const seq = fc.integer({ min: 1, max: HIGHEST });
const us = fc.integer({ min: 1, max: 9 }).map((second) => 1_767_225_600_000_000 + second * 1_000_000);
const range = fc.tuple(seq, seq).map(([one, other]) => ({ first: Math.min(one, other), last: Math.max(one, other) }));
/** Each fifth seq is a part of a table, and no other: a record is the same whenever it comes. */
const block = fc.nat(HIGHEST / 5 - 1).map((at) => at * 5);
const step = fc.integer({ min: 1, max: 4 });
const entry: fc.Arbitrary<AccountEntry> = fc.oneof(
  fc.record({ block, from: step, to: step, us }).map(({ block, from, to, us }) => {
    return { kind: "taken" as const, first: block + Math.min(from, to), last: block + Math.max(from, to), us };
  }),
  fc.record({ block, us }).map(({ block, us }) => ({ kind: "tables" as const, first: block + 5, last: block + 5, us })),
  fc
    .record({ block, from: step, us, runs: fc.array(range, { minLength: 1, maxLength: 3 }) })
    .map(({ block, from, us, runs }) => {
      return { kind: "stands" as const, first: block + from, last: block + from, us, runs };
    }),
  fc
    .record({ range, kept: fc.option(range, { nil: undefined }) })
    .map(({ range, kept }) => ({ kind: "lost" as const, ...range, kept })),
);

function gapsAfter(entries: readonly AccountEntry[]): unknown {
  const account = new SeqAccount();
  enterAll(account, entries);
  return [...account.gaps(Number.POSITIVE_INFINITY)];
}

describe("entries of an account", () => {
  it(`are read as they were written (seed ${SEED})`, () => {
    fc.assert(
      fc.property(entry, (one) => {
        expect(parseEntry(entryText(one))).toEqual(one);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it(`give the same account in any order, and twice (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        fc
          .uniqueArray(entry, { maxLength: 12, selector: entryText })
          .chain((all) =>
            fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
          ),
        ([all, shuffled]) => {
          expect(gapsAfter(shuffled)).toEqual(gapsAfter(all));
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  it(`are the seqs of the records that came, no more (seed ${SEED})`, () => {
    const records = fc.array(fc.record({ seq, receivedUs: us }), { maxLength: 30 });
    fc.assert(
      fc.property(records, (all) => {
        const account = new SeqAccount();
        enterAll(account, takenEntries(all));
        const come = new Set(all.map((record) => record.seq));
        for (let one = 1; one <= HIGHEST; one++) expect(account.has(one)).toBe(come.has(one));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("take neighbours for one, with the earliest time", () => {
    const records = [5, 1, 2, 3].map((one) => ({ seq: one, receivedUs: 100 - one }));
    expect(takenEntries(records).map(entryText)).toEqual(["t 1 3 97", "t 5 5 95"]);
    const mixed = [1, 2, 3, 4].map((one) => ({ seq: one, receivedUs: 9, isTable: one > 2 }));
    expect(takenEntries(mixed).map(entryText)).toEqual(["t 1 2 9", "p 3 4 9"]);
  });

  it("keep what a record stands for, up to 500 runs", () => {
    const standsFor = Array.from({ length: 2000 }, (_, at) => 2 * at + 1);
    const [one] = takenEntries([{ seq: 9000, receivedUs: 1, standsFor }]);
    expect(one?.kind === "stands" ? one.runs : []).toHaveLength(500);
    expect(takenEntries([{ seq: 9, receivedUs: 1, standsFor: [1, 2, 3, 7] }]).map(entryText)).toEqual([
      "s 9 9 1 1-3,7-7",
    ]);
  });

  it("are refused when they are something else", () => {
    const others = [
      "",
      "t 1 2",
      "t 1 2 x",
      "s 1 1 5",
      "s 1 1 5 1",
      "l 1",
      "l 1 2 3",
      "x 1 2 3",
      "t 1 2 3 4",
      "t -1 2 3",
    ];
    expect(others.filter((line) => parseEntry(line) !== undefined)).toEqual([]);
  });
});
