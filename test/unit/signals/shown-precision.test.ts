import { describe, expect, it } from "vitest";
import { precisionOf, shownValue } from "../../../agent/signals/shown-precision.ts";

function shown(raw: number, factor: number, offset = 0): string {
  return shownValue(raw * factor + offset, precisionOf({ kind: "integer", factor, offset }));
}

describe("shownValue", () => {
  it.each([
    [861, 0.1, 0, "86.1"],
    [860, 0.1, 0, "86.0"],
    [3, 1, 0, "3"],
    [3, 0.25, 0, "0.75"],
    [1, 0.125, 0, "0.125"],
    [11021, 0.0078125, 0, "86.10156"],
    [1, 0.03125, -273, "-272.9688"],
    [521234567, 1e-7, 0, "52.1234567"],
    [7, 1000, 0, "7000"],
    [5, 1, 0.5, "5.5"],
    [-1, 0.0001, 0, "-0.0001"],
    [0, -0.1, 0, "0.0"],
  ])("shows raw %d of factor %d and offset %d as %s", (raw, factor, offset, text) => {
    expect(shown(raw, factor, offset)).toBe(text);
  });

  it("tells each of two neighbouring raw values apart", () => {
    for (const factor of [0.1, 0.5, 0.0078125, 1 / 3, 2.5e-7, 0.00390625, 1.6, 1e-12]) {
      expect(shown(12, factor)).not.toBe(shown(13, factor));
    }
  });

  it("shows a single as one, without what its double has behind it", () => {
    expect(shownValue(Math.fround(86.1), precisionOf({ kind: "float", factor: 1, offset: 0 }))).toBe("86.1");
    expect(shownValue(0.1 + 0.2, precisionOf({ kind: "double", factor: 1, offset: 0 }))).toBe("0.3");
  });

  it("leaves what is no number of ours as it is", () => {
    const precision = precisionOf({ kind: "integer", factor: 0.1, offset: 0 });
    expect(
      [2n ** 60n, Number.NaN, Number.POSITIVE_INFINITY, 1e300].map((value) => shownValue(value, precision)),
    ).toEqual(["1152921504606846976", "NaN", "Infinity", "1e+300"]);
  });
});
