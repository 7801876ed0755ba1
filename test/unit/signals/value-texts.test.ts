import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textOf, textPairs, ValueTextPool, valueTexts } from "../../../agent/signals/value-texts.ts";

const raw = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 3n }));

describe("textOf", () => {
  it("finds what a Map finds", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(raw, fc.string({ maxLength: 2 }))), raw, (pairs, wanted) => {
        const map = new Map(pairs);
        const values = valueTexts(pairs);
        expect(textOf(values, wanted)).toBe(map.get(wanted));
        for (const [one] of pairs) expect(textOf(values, one)).toBe(map.get(one));
        expect(new Map(textPairs(values))).toEqual(map);
      }),
      { seed: 14 },
    );
  });

  it("has no text for what is no whole number", () => {
    const values = valueTexts([
      [0, "off"],
      [1, "on"],
    ]);
    for (const wanted of [Number.NaN, 0.5, -Infinity, Infinity]) expect(textOf(values, wanted)).toBeUndefined();
    expect(textOf(values, -0)).toBe("off");
    expect(textOf(undefined, 0)).toBeUndefined();
  });
});

describe("ValueTextPool", () => {
  it("gives one object for equal texts, and two for others", () => {
    const pool = new ValueTextPool();
    const first = pool.share(valueTexts([[1, "a"]]));
    expect(pool.share(valueTexts([[1, "a"]]))).toBe(first);
    expect(pool.share(valueTexts([[1, "b"]]))).not.toBe(first);
    expect(pool.share(valueTexts([[2, "a"]]))).not.toBe(first);
    expect(pool.share(undefined)).toBeUndefined();
  });

  it("shares the raw values of texts that differ, and changes none", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(raw, fc.string({ maxLength: 1 })), { minLength: 1 })), (lists) => {
        const pool = new ValueTextPool();
        const shared = lists.map((pairs) => pool.share(valueTexts(pairs)));
        expect(shared).toEqual(lists.map((pairs) => valueTexts(pairs)));
        const raws = shared.map((texts) => texts?.raws);
        expect(new Set(raws).size).toBe(new Set(raws.map(String)).size);
      }),
      { seed: 14 },
    );
  });
});
