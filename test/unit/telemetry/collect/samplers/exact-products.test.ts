import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareProducts, differenceBeyond } from "../../../../../agent/telemetry/collect/samplers/exact-products.ts";
import { scaled } from "../../../../fakes/telemetry/exact-sum.ts";

const SEED = 1405;
const number = fc.oneof(
  fc.integer({ min: -8, max: 8 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e120, max: 1e120 }),
  fc.constantFrom(0.1, 0.2, 0.3, 1 / 3, 1e-120, 2 ** 53 - 1, 2 ** 53),
);

describe("compareProducts", () => {
  it("tells products apart that look equal when rounded", () => {
    const odd = 2 ** 53 - 1;
    expect(odd * odd).toBe((2 ** 53 - 2) * 2 ** 53);
    expect(compareProducts(odd, odd, 2 ** 53 - 2, 2 ** 53)).toBeGreaterThan(0);
    expect(compareProducts(2 ** 53 - 2, 2 ** 53, odd, odd)).toBeLessThan(0);
    expect(compareProducts(0.1, 3, 0.3, 1)).toBeGreaterThan(0);
    expect(compareProducts(6, 4, 3, 8)).toBe(0);
  });

  it("cannot say what is beyond the range", () => {
    expect(compareProducts(1e300, 1e300, 1e301, 1e300)).toBeNaN();
    expect(compareProducts(Number.NaN, 1, 1, 1)).toBeNaN();
  });

  it(`agrees with whole numbers (seed ${SEED})`, () => {
    const run = fc.property(number, number, number, number, (a, b, c, d) => {
      const exact = scaled(a) * scaled(b) - scaled(c) * scaled(d);
      const found = compareProducts(a, b, c, d);
      if (!Number.isNaN(found)) expect(Math.sign(found)).toBe(exact > 0n ? 1 : exact < 0n ? -1 : 0);
      else expect(Math.abs(a * b)).toBeLessThan(1e-280);
    });
    fc.assert(run, { seed: SEED, numRuns: 5000 });
  });
});

describe("differenceBeyond", () => {
  it(`is exact where it can be, and else beyond, by little (seed ${SEED})`, () => {
    const run = fc.property(
      number,
      number,
      number,
      fc.constantFrom(1 as const, -1 as const),
      (value, base, shift, direction) => {
        const exact = scaled(value) - scaled(base) + scaled(shift);
        const off = scaled(differenceBeyond(value, base, shift, direction)) - exact;
        const size = scaled(Math.abs(value)) + scaled(Math.abs(base)) + scaled(Math.abs(shift));
        expect(off * BigInt(direction) >= 0n).toBe(true);
        expect((off < 0n ? -off : off) <= size >> 48n).toBe(true);
        if ([value, base, shift].every((part) => Number.isInteger(part) && Math.abs(part) < 2 ** 50))
          expect(off).toBe(0n);
      },
    );
    fc.assert(run, { seed: SEED, numRuns: 5000 });
  });
});
