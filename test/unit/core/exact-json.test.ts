import { describe, expect, it } from "vitest";
import { exactLine } from "../../../agent/core/exact-json.ts";

describe("exactLine", () => {
  it("writes numbers that JSON has not, and none rounded", () => {
    const values = [2n ** 63n, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5];
    expect(exactLine({ values })).toBe('{"values":[{"int":"9223372036854775808"},"NaN","inf","-inf",1.5]}');
  });

  it("writes bytes as base64, whichever array holds them", () => {
    const bytes = [1, 2, 3];
    for (const payload of [Uint8Array.from(bytes), Buffer.from(bytes), Uint8Array.from([0, ...bytes]).subarray(1)]) {
      expect(exactLine({ payload, all: [payload] })).toBe('{"payload":"AQID","all":["AQID"]}');
      expect(exactLine(payload)).toBe('"AQID"');
    }
  });
});
