import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyNumber, numberIn, textIn } from "../../../../agent/consumer/dynamodb/attributes.ts";

describe("anyNumber", () => {
  it("gives a number where DynamoDB has one that is the same, and the text of any other (seed 15)", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const { N: digits, S: words } = anyNumber(value);
        const size = Math.abs(value);
        expect(digits !== undefined).toBe(value === 0 || (size >= 1e-130 && size <= 9.9e125));
        const read = { NaN: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY }[words ?? ""];
        expect(read ?? Number(digits ?? words)).toEqual(Object.is(value, -0) ? 0 : value);
      }),
      { seed: 15, numRuns: 1000 },
    );
  });

  it("keeps integers beyond 2^53", () => {
    expect(anyNumber(2n ** 64n - 1n)).toEqual({ N: "18446744073709551615" });
  });
});

describe("an item that was read", () => {
  it("names itself where it lacks something", () => {
    const item = { thing: { S: "truck-1" }, fact: { S: "clock#b" }, wall_us: { S: "x" } };
    expect(() => numberIn(item, "wall_us")).toThrow("item truck-1 clock#b: has no number wall_us");
    expect(() => textIn(item, "quality")).toThrow("has no text quality");
  });
});
