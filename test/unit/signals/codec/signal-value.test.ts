import { describe, expect, it } from "vitest";
import { physicalOf } from "../../../../agent/signals/codec/signal-value.ts";

describe("physicalOf", () => {
  it.each([
    ["integer", 17, 0.1, 0, 1.7000000000000002],
    ["integer", 10, 2, -40, -20],
    ["integer", 2 ** 52, 4, 1, 18_014_398_509_481_985n],
    ["integer", 18_446_744_073_709_551_615n, 1, 0, 18_446_744_073_709_551_615n],
    [
      "integer",
      18_446_744_073_709_551_615n,
      1,
      -18_446_744_073_709_552_000,
      18_446_744_073_709_552_000 - 18_446_744_073_709_552_000,
    ],
    ["integer", 2n ** 60n, 0.5, 0, 2 ** 59],
    ["float", Number.NaN, 1, 0, Number.NaN],
    ["float", 1e30, 2, 0, 2e30],
  ] as const)("of a %s %s with factor %s and offset %s is %s", (kind, raw, factor, offset, physical) => {
    expect(physicalOf(raw, { kind, factor, offset })).toBe(physical);
  });
});
