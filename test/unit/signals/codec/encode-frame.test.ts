import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../../agent/signals/codec/encode-frame.ts";
import { checksumOf } from "../../../../agent/signals/codec/frame-protection.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Doors: 4 Vector__XXX
 SG_ Lock : 0|2@1+ (1,0) [0|2] "" Vector__XXX
 SG_ Level : 15|8@0+ (0.5,-40) [-40|60] "degC" Vector__XXX
 SG_ Trim : 16|8@1- (1,0) [0|0] "" Vector__XXX
BO_ 257 Mux: 3 Vector__XXX
 SG_ Which M : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ A m0 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ B m1 : 8|16@1+ (1,0) [0|0] "" Vector__XXX
BO_ 259 Paged: 4 Vector__XXX
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Level m0 : 8|8@1+ (0.5,0) [0|0] "" Vector__XXX
 SG_ Level m1 : 24|8@1+ (1,0) [0|0] "" Vector__XXX
BO_ 258 Shared: 2 Vector__XXX
 SG_ Mode : 0|8@1+ (1,0) [0|255] "" Vector__XXX
 SG_ Level : 4|8@1+ (1,0) [0|255] "" Vector__XXX
`;

function encode(name: string, values: Readonly<Record<string, number>>): string {
  const message = parseDbc(DBC).database.messages.find((one) => one.name === name);
  if (message === undefined) throw new Error(name);
  const encoded = encodeFrame(message, new Map(Object.entries(values)));
  return encoded.kind === "frame" ? Buffer.from(encoded.data).toString("hex") : `${encoded.signal} ${encoded.problem}`;
}

describe("encodeFrame", () => {
  it("places scaled, signed and big-endian values", () => {
    expect(encode("Doors", { Lock: 2, Level: 20, Trim: -1 })).toBe("0278ff00");
  });

  it.each([
    [{ Lock: 3, Level: 0, Trim: 0 }, "Lock 3 is not within 0 to 2"],
    [{ Lock: -1, Level: 0, Trim: 0 }, "Lock -1 is not within 0 to 2"],
    [{ Lock: 0, Level: 60.5, Trim: 0 }, "Level 60.5 is not within -40 to 60"],
    [{ Lock: 0, Level: Number.NaN, Trim: 0 }, "Level NaN is not a number"],
    [{ Lock: 0, Level: 0, Trim: 128 }, "Trim 128 does not fit 8 bits"],
    [{ Lock: 0, Level: 0, Trim: -129 }, "Trim -129 does not fit 8 bits"],
    [{ Lock: 0, Level: 0 }, "Trim is in the frame and has no value"],
    [{ Lock: 0, Level: 0, Trim: 0, Door: 1 }, "Door is not a signal of Doors"],
  ])("refuses %j", (values, problem) => {
    expect(encode("Doors", values)).toBe(problem);
  });

  it("writes of one name in two branches the one that is active", () => {
    expect(encode("Paged", { Page: 0, Level: 21 })).toBe("002a0000");
    expect(encode("Paged", { Page: 1, Level: 21 })).toBe("01000015");
    expect(encode("Paged", { Page: 2, Level: 21 })).toBe("Level is not in the frame for this value of its multiplexer");
  });

  it("does not write two signals to one bit", () => {
    expect(encode("Shared", { Mode: 16, Level: 2 })).toBe("Level shares bits with Mode");
  });

  it("asks for the branch that the multiplexer's value makes active, and for no other", () => {
    expect(encode("Mux", { Which: 0, A: 7 })).toBe("000700");
    expect(encode("Mux", { Which: 1, B: 0x1234 })).toBe("013412");
    expect(encode("Mux", { Which: 1, B: 1, A: 7 })).toBe("A is not in the frame for this value of its multiplexer");
    expect(encode("Mux", { Which: 1 })).toBe("B is in the frame and has no value");
    expect(encode("Mux", { A: 1 })).toBe("Which is in the frame and has no value");
  });
});

describe("checksumOf", () => {
  const CHECK = new TextEncoder().encode("123456789");

  // Check value of CRC-8/SAE-J1850 in the catalogue of parametrised CRC algorithms (reveng).
  it("is CRC-8 SAE J1850", () => {
    expect(checksumOf("crc8-j1850", CHECK)).toBe(0x4b);
    expect(checksumOf("crc8-j1850", new Uint8Array())).toBe(0);
  });

  it("is the exclusive-or, and the sum modulo 256", () => {
    expect(checksumOf("xor8", CHECK)).toBe(0x31);
    expect(checksumOf("sum8", CHECK)).toBe(0xdd);
  });
});
