import { describe, expect, it } from "vitest";
import { SourceChoice } from "../../../../agent/vehicle/place/source-choice.ts";

const SETTINGS = { staleMs: 5000, returnMs: 10_000 };

describe("SourceChoice", () => {
  it("takes the first that has a fix, and another only when that has had none for a while", () => {
    const choice = new SourceChoice(SETTINGS);
    expect(choice.chosen(0)).toBeUndefined();
    expect(choice.take(1, 0)).toBe(true);
    expect(choice.take(2, 100)).toBe(false);
    expect(choice.take(2, 5000)).toBe(false);
    expect(choice.take(2, 5001)).toBe(true);
    expect(choice.chosen(10_001)).toBe(2);
    expect(choice.chosen(10_002)).toBeUndefined();
  });

  it("goes back to a better one only when it has had fixes for long enough without a break", () => {
    const choice = new SourceChoice(SETTINGS);
    choice.take(1, 0);
    const better: boolean[] = [];
    for (let atMs = 0; atMs <= 12_000; atMs += 1000) {
      choice.take(1, atMs);
      // It breaks off after 3 s, for longer than it may.
      if (atMs <= 1000 || atMs >= 7000) better.push(choice.take(0, atMs));
    }
    expect(better).not.toContain(true);
    for (let atMs = 13_000; atMs < 17_000; atMs += 1000) {
      choice.take(1, atMs);
      expect(choice.take(0, atMs)).toBe(false);
    }
    expect(choice.take(0, 17_000)).toBe(true);
    expect(choice.take(1, 17_001)).toBe(false);
    choice.drop(0);
    expect(choice.take(1, 17_002)).toBe(true);
    expect(choice.take(0, 17_003)).toBe(false);
  });
});
