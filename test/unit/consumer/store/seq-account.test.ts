import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accountState, SeqAccount } from "../../../../agent/consumer/store/seq-account.ts";

const SEED = 15;
const HIGHEST = 24;

type Loss = { first: number; last: number; thinned?: { ratio: number; keptFirst: number; keptLast: number } };
type Event =
  | { readonly kind: "record" | "table"; readonly seq: number; readonly standsFor: readonly number[] }
  | { readonly kind: "loss"; readonly loss: Loss };

const seq = fc.integer({ min: 1, max: HIGHEST });
const span = fc.tuple(seq, fc.integer({ min: 0, max: 5 })).map(([first, more]) => ({ first, last: first + more }));
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("record" as const, "record" as const, "table" as const),
    seq,
    standsFor: fc.array(seq, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("loss" as const), loss: span }),
  fc.tuple(span, span).map(([range, kept]) => ({
    kind: "loss" as const,
    loss: { ...range, thinned: { ratio: 3, keptFirst: kept.first, keptLast: kept.last } },
  })),
);

/** Seq by seq, from the whole list of what came, as the bench counts. */
function gapsByHand(events: readonly Event[], untilUs: number): number[] {
  const came = events.map((one) => (one.kind === "loss" ? 0 : one.seq));
  // A part of a table says nothing of the seqs before it, the first time as later.
  const told = events.map((one, at) => (one.kind === "record" && came.indexOf(one.seq) === at ? one.seq : 0));
  const losses = events.flatMap((one) => (one.kind === "loss" ? [one.loss] : []));
  const standIns = new Set(
    events.flatMap((one, at) => (one.kind !== "loss" && came.indexOf(one.seq) === at ? one.standsFor : [])),
  );
  const real = losses.filter(({ thinned }) => thinned === undefined);
  const isLost = (at: number): boolean => real.some(({ first, last }) => first <= at && at <= last);
  const isThinned = (at: number): boolean =>
    losses.some(({ first, last, thinned }) => {
      if (thinned === undefined || at < first || at > last) return false;
      const kept = Array.from({ length: thinned.keptLast - thinned.keptFirst + 1 }, (_, i) => thinned.keptFirst + i);
      return standIns.has(at) || kept.some(isLost);
    });
  const gaps: number[] = [];
  for (let at = 1; at < Math.max(...told, 0); at++) {
    const knownAt = told.findIndex((other) => other > at);
    if (!came.includes(at) && !isLost(at) && !isThinned(at) && knownAt <= untilUs) gaps.push(at);
  }
  return gaps;
}

describe("SeqAccount", () => {
  it("knows the gaps that are left when each seq is looked at by itself", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.integer({ min: 0, max: 30 }), (events, untilUs) => {
        let account = new SeqAccount();
        const came = new Set<number>();
        for (const [at, one] of events.entries()) {
          if (one.kind === "loss") account.lose(one.loss);
          else {
            const thinned = one.standsFor.length === 0 ? undefined : { ratio: 3, seqs: one.standsFor };
            expect(account.take({ seq: one.seq, thinned, body: { kind: one.kind } }, at)).toBe(
              came.has(one.seq) ? "known" : "new",
            );
            came.add(one.seq);
          }
          // Each step by another worker.
          account = new SeqAccount(accountState.parse(JSON.parse(JSON.stringify(account.state()))));
        }
        const found = [...account.gaps(untilUs)].flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, at) => first + at),
        );
        expect(found).toEqual(gapsByHand(events, untilUs));
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it("refuses a record rather than forget one that came before", () => {
    const account = new SeqAccount(undefined, 2);
    expect([1, 3, 5].map((one) => account.take({ seq: one }, 0))).toEqual(["new", "new", "full"]);
    expect(account.has(5)).toBe(false);
    expect(account.highest).toBe(3);
  });

  it("keeps nothing of jumps whose seqs have all come", () => {
    const account = new SeqAccount();
    for (const one of [3, 1, 2]) account.take({ seq: one }, 0);
    expect(account.state()).toEqual({ seen: [1, 3], lost: [], standIns: [], thinned: [], jumps: [], edge: 3 });
  });
});
