import { describe, expect, it } from "vitest";
import { idKey, isArbitrationId, largestId } from "../../../agent/ports/arbitration-id.ts";

describe("isArbitrationId", () => {
  it.each([
    [0, false, true],
    [0x7ff, false, true],
    [0x800, false, false],
    [0x800, true, true],
    [0x1fff_ffff, true, true],
    [0x2000_0000, true, false],
    [-1, true, false],
    [1.5, false, false],
  ])("says of %i, of 29 bits: %s, that it is one: %s", (id, extended, expected) => {
    expect(isArbitrationId(id, extended)).toBe(expected);
  });
});

describe("idKey", () => {
  it("keeps the ids of both lengths apart", () => {
    const ids = [0, 0x123, largestId(false)];
    const keys = [false, true].flatMap((extended) => [...ids, 0x1fff_ffff].map((id) => idKey(id, extended)));
    expect(new Set([...keys.slice(0, 3), ...keys.slice(4)]).size).toBe(7);
  });
});
