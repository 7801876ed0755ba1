import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consecutiveCapacity,
  consecutiveFrame,
  type FrameLayout,
  firstFrame,
  flowControlFrame,
  parseIsoTpFrame,
  singleFrame,
} from "../../../../agent/diagnostics/isotp/frame-codec.ts";
import { ISOTP_DATA_BYTES } from "../../../../agent/ports/isotp.ts";
import { modelFrames } from "../../../fakes/diagnostics/isotp-model.ts";

const CLASSIC: FrameLayout = { addressByte: undefined, dataBytes: 8, padding: undefined };

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function hex(data: Uint8Array | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data).toString("hex");
}

/** Every frame of a PDU by the functions under test. */
function framesOf(layout: FrameLayout, pdu: Uint8Array): readonly (string | undefined)[] {
  const single = singleFrame(layout, pdu);
  if (single !== undefined) return [hex(single)];
  const { data, taken } = firstFrame(layout, pdu);
  const frames = [hex(data)];
  for (let at = taken; at < pdu.length; at += consecutiveCapacity(layout)) {
    frames.push(hex(consecutiveFrame(layout, frames.length, pdu.subarray(at, at + consecutiveCapacity(layout)))));
  }
  return frames;
}

describe("frames of ISO-TP", () => {
  // ISO 15765-2 by hand; the same frames come from isotpsend of can-utils (test/guest/isotp.test.ts).
  const twenty = Uint8Array.from({ length: 20 }, (_, index) => index);

  it("cuts 20 bytes into a first and two consecutive frames", () => {
    expect(framesOf(CLASSIC, twenty)).toEqual(["1014000102030405", "21060708090a0b0c", "220d0e0f10111213"]);
  });

  it("puts 20 bytes into one CAN FD frame with its length in a byte of its own", () => {
    const layout = { ...CLASSIC, dataBytes: 64 };
    expect(framesOf(layout, twenty)).toEqual([`0014${hex(twenty)}cccc`]);
    expect(framesOf({ ...layout, padding: 0 }, twenty)).toEqual([`0014${hex(twenty)}0000`]);
    // Up to 8 bytes the short form saves four bytes.
    expect(framesOf(layout, twenty.subarray(0, 7))).toEqual(["0700010203040506"]);
    expect(framesOf(layout, twenty.subarray(0, 8))).toEqual(["00080001020304050607cccc"]);
  });

  it("puts the address byte before everything", () => {
    const layout = { ...CLASSIC, addressByte: 0xf1, padding: 0x55 };
    expect(framesOf(layout, twenty.subarray(0, 6))).toEqual(["f106000102030405"]);
    expect(framesOf(layout, twenty.subarray(0, 7))).toEqual(["f110070001020304", "f121050655555555"]);
    expect(hex(flowControlFrame(layout, "continue", 8, 0x14))).toBe("f130081455555555");
  });

  it("says lengths over 4095 in 32 bits", () => {
    expect(hex(firstFrame(CLASSIC, new Uint8Array(4095)).data)).toBe("1fff000000000000");
    expect(hex(firstFrame(CLASSIC, new Uint8Array(4096)).data)).toBe("1000000010000000");
    const long = { addressByte: 0x10, dataBytes: 12, padding: undefined };
    expect(hex(firstFrame(long, new Uint8Array(65_536)).data)).toBe("101000000100000000000000");
  });

  it("writes the three flow controls", () => {
    expect(hex(flowControlFrame(CLASSIC, "continue", 0, 0))).toBe("300000");
    expect(hex(flowControlFrame(CLASSIC, "wait", 0, 0))).toBe("310000");
    expect(hex(flowControlFrame({ ...CLASSIC, padding: 0xaa }, "overflow", 0, 0))).toBe("320000aaaaaaaaaa");
  });

  it("reads flow controls, reserved ones and reserved separation times too", () => {
    const flowOf = (text: string): unknown => parseIsoTpFrame(bytes(text), 0);
    const kind = "flow-control";
    expect(flowOf("30 08 7f")).toEqual({ kind, status: "continue", blockSize: 8, separationUs: 127_000 });
    expect(flowOf("31 00 f1")).toEqual({ kind, status: "wait", blockSize: 0, separationUs: 100 });
    expect(flowOf("32 00 f9 cc cc")).toEqual({ kind, status: "overflow", blockSize: 0, separationUs: 900 });
    expect(flowOf("33 00 80")).toEqual({ kind, status: "reserved", blockSize: 0, separationUs: 127_000 });
    expect(flowOf("30 00 f0")).toMatchObject({ separationUs: 127_000 });
    expect(flowOf("30 00 fa")).toMatchObject({ separationUs: 127_000 });
    expect(flowOf("30 00")).toBeUndefined();
  });

  it.each([
    ["", "nothing"],
    ["00", "a single frame without a byte"],
    ["08 1122334455667788", "a nibble that CAN FD leaves zero"],
    ["03 1122", "fewer bytes than it says"],
    ["00 0b 11223344556677889900", "fewer bytes than it says, CAN FD"],
    ["10 07 112233445566", "a first frame for what a single frame holds"],
    ["10 14 11223344", "a short first frame"],
    ["10 00 00000fff 1122", "a length in 32 bits that 12 hold"],
    ["20", "a consecutive frame without a byte"],
    ["41 00", "an unknown kind"],
  ])("takes %s for no frame: %s", (text) => {
    expect(parseIsoTpFrame(bytes(text), 0)).toBeUndefined();
  });

  it("writes what the model writes, for every layout and length", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ISOTP_DATA_BYTES),
        fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
        fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
        fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 5000 })),
        (dataBytes, addressByte, padding, length) => {
          const pdu = Uint8Array.from({ length }, (_, index) => (index * 7) & 0xff);
          const twoDigits = (byte: number): string => byte.toString(16).padStart(2, "0");
          const layout = {
            address: addressByte === undefined ? "" : twoDigits(addressByte),
            size: dataBytes,
            pad: padding === undefined ? undefined : twoDigits(padding),
          };
          expect(framesOf({ addressByte, dataBytes, padding }, pdu)).toEqual(modelFrames(layout, pdu));
        },
      ),
      { numRuns: 500, seed: 16_001 },
    );
  });

  it("bears any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(0, 1), (data, at) => {
        const parsed = parseIsoTpFrame(data, at === 0 ? 0 : 1);
        if (parsed !== undefined && "bytes" in parsed) expect(parsed.bytes.buffer).toBe(data.buffer);
      }),
      { numRuns: 20_000, seed: 16_002 },
    );
  });
});
