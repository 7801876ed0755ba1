import { describe, expect, it } from "vitest";
import { FRAME_FLAG, isDataLength, paddedToFdLength } from "../../../agent/ports/frame.ts";

const LENGTHS = Array.from({ length: 66 }, (_, length) => length);

describe("isDataLength", () => {
  it("knows the lengths of ISO 11898-1:2015, table 5", () => {
    expect(LENGTHS.filter((length) => isDataLength(length, false))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const longOnes = LENGTHS.filter((length) => length > 8 && isDataLength(length, true));
    expect(longOnes).toEqual([12, 16, 20, 24, 32, 48, 64]);
  });
});

describe("paddedToFdLength", () => {
  it("fills FD frames up to the next length with zeros, and leaves others as they are", () => {
    const frame = { id: 1, flags: FRAME_FLAG.fd, data: new Uint8Array(9).fill(1), receivedAtUs: 0 };
    expect([...paddedToFdLength(frame).data]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    const classic = { ...frame, flags: 0, data: new Uint8Array(3) };
    expect(paddedToFdLength(classic)).toBe(classic);
  });
});
