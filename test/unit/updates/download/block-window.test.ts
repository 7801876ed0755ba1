import { describe, expect, it } from "vitest";
import { BlockWindow } from "../../../../agent/updates/download/block-window.ts";

/** Three blocks of ten bytes and one of four. */
const RANGE = { first: 1, count: 3, blockBytes: 10, totalBytes: 34 } as const;
const block = (length: number): Uint8Array => new Uint8Array(length).fill(length);

describe("BlockWindow", () => {
  it("passes over a block of the wrong length, and still asks for it", () => {
    const window = new BlockWindow(RANGE);
    for (const length of [0, 4, 9, 11]) window.put(1, block(length));
    for (const length of [0, 3, 5, 10]) window.put(3, block(length));
    expect([window.received(), window.isWhole(), [...window.missing()]]).toEqual([0, false, [0b111]]);
    window.put(1, block(10));
    window.put(2, block(10));
    window.put(3, block(4));
    expect(window.isWhole()).toBe(true);
    expect([...window.payloads()].map(([at, { length }]) => [at, length])).toEqual([
      [10, 10],
      [20, 10],
      [30, 4],
    ]);
  });

  it("passes over blocks of other requests, and those that come twice", () => {
    const window = new BlockWindow(RANGE);
    for (const index of [-1, 0, 4, 5]) window.put(index, block(10));
    expect(window.received()).toBe(0);
    window.put(2, block(10));
    window.put(2, block(10).fill(7));
    expect([...window.payloads()]).toEqual([[20, block(10)]]);
  });
});
