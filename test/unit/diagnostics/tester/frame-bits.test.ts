import { describe, expect, it } from "vitest";
import { beginningOf } from "../../../../agent/diagnostics/tester/first-frame.ts";
import { frameBits } from "../../../../agent/diagnostics/tester/frame-bits.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";

const CLASSIC = 8;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("frameBits", () => {
  // (55 + 10 s) and (80 + 10 s) bit times: Davis and others 2007, equations 2 and 3.
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])("is the longest classic frame of %i bytes", (bytes) => {
    expect(frameBits(0, bytes)).toBe(55 + 10 * bytes);
    expect(frameBits(FRAME_FLAG.extended, bytes)).toBe(80 + 10 * bytes);
  });

  it("is longer for an FD frame", () => {
    expect(frameBits(FRAME_FLAG.fd, 8)).toBeGreaterThan(frameBits(0, 8));
  });
});

describe("beginningOf", () => {
  it.each([
    ["a single frame", 2, CLASSIC, undefined, "020001", 1],
    ["the longest single frame", 7, CLASSIC, undefined, "0700010203040506", 1],
    ["a first frame", 8, CLASSIC, undefined, "1008000102030405", 2],
    // Of the reference: 20 bytes in a first and two consecutive frames.
    ["20 bytes", 20, CLASSIC, undefined, "1014000102030405", 3],
    ["an address byte", 6, CLASSIC, 0xf1, "f106000102030405", 1],
    ["an address byte before a first frame", 7, CLASSIC, 0xf1, "f110070001020304", 2],
    ["more than 4095 bytes", 4096, CLASSIC, undefined, "1000000010000001", 586],
    ["a long single frame of CAN FD", 20, 64, undefined, "0014", 1],
  ] as const)("of %s", (_name, bytes, dataBytes, addressByte, prefix, frames) => {
    const pdu = Uint8Array.from({ length: bytes }, (_value, at) => at);
    const beginning = beginningOf(pdu, { addressByte, dataBytes, padding: 0xcc });
    expect(hexOf(beginning.prefix).startsWith(prefix)).toBe(true);
    expect(beginning.frames).toBe(frames);
  });
});
