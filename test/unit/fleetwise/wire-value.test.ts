import { describe, expect, it } from "vitest";
import { capturedValueOf, wireValueOf } from "../../../agent/fleetwise/wire-value.ts";

const plain = { factor: 1, offset: 0 };

describe("a value in the type of the manifest", () => {
  it.each([
    ["uint8", 255, plain, 255],
    ["uint8", 256, plain, undefined],
    ["uint8", -1, plain, undefined],
    ["uint8", 55, { factor: 0.5, offset: 0 }, 27],
    ["int8", 81, { factor: 0.5, offset: -41 }, 0],
    ["int8", -128, plain, -128],
    ["int8", -129, plain, undefined],
    ["uint16", 65_536, plain, undefined],
    ["int16", -32_768, plain, -32_768],
    ["int32", 2_147_483_648, plain, undefined],
    ["uint32", 4_294_967_295, plain, 4_294_967_295],
    ["int32", Number.NaN, plain, undefined],
    ["bool", 0, plain, false],
    ["bool", 2, plain, true],
    ["bool", Number.NaN, plain, undefined],
    ["float", 1, { factor: 0.1, offset: 0 }, Math.fround(0.1)],
    ["float", 1e300, plain, undefined],
    ["double", 3, { factor: 0.1, offset: -40 }, 3 * 0.1 - 40],
    ["double", Number.NaN, plain, Number.NaN],
    ["double", 2n ** 63n, plain, 2 ** 63],
    ["uint64", 2n ** 64n - 1n, plain, 2n ** 64n - 1n],
    ["uint64", 2n ** 64n, plain, undefined],
    ["uint64", -1, plain, undefined],
    ["uint64", 2n ** 60n + 1n, { factor: 2, offset: 1 }, 2n ** 61n + 3n],
    ["int64", -(2n ** 63n), plain, -(2n ** 63n)],
    ["int64", 2n ** 63n, plain, undefined],
    ["int64", 7, { factor: 0.5, offset: 0 }, 3n],
    ["int64", Number.POSITIVE_INFINITY, { factor: 0.5, offset: 0 }, undefined],
  ] as const)("%s of raw %s, %j, is %s", (type, raw, scale, expected) => {
    expect(wireValueOf({ type, ...scale }, raw)).toEqual(
      expected === undefined ? undefined : { type, value: expected },
    );
  });

  it("is a double or a text in VehicleData", () => {
    expect(capturedValueOf({ type: "bool", value: true })).toBe(1);
    expect(capturedValueOf({ type: "uint64", value: 2n ** 64n - 1n })).toBe(2 ** 64);
    expect(capturedValueOf({ type: "string", value: "P" })).toBe("P");
    expect(capturedValueOf({ type: "int8", value: -1 })).toBe(-1);
  });
});
