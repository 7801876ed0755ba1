import { describe, expect, it } from "vitest";
import { nearestWord } from "../../../agent/core/nearest-word.ts";

describe("nearestWord", () => {
  it("proposes what differs in few letters, the least first, capitals aside", () => {
    expect(nearestWord("speeed", ["spread", "Speed", "brake"])).toBe("Speed");
    expect(nearestWord("x", ["rpm", "current"])).toBeUndefined();
    expect(nearestWord("abc", [])).toBeUndefined();
  });

  it("does not compare a word of any length", () => {
    expect(nearestWord("a".repeat(129), ["a".repeat(128)])).toBeUndefined();
    expect(nearestWord("a".repeat(128), ["a".repeat(127)])).toBe("a".repeat(127));
  });
});
