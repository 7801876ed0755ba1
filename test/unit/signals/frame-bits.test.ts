import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { type FrameBits, frameBits, type Stuffing } from "../../../agent/signals/frame-bits.ts";

const { extended, fd, bitRateSwitch, remote, error } = FRAME_FLAG;

/** Frames, and their bits with exact and with most stuff bits, as can-utils counts them: canframelen.c, can_frame_length with CFL_EXACT and CFL_WORSTCASE, compiled and run. */
const CAN_UTILS = `
1FFFFFFF  74 80
1190997A FF 79 90
5C5 5939 64 75
1A153805 000000 97 110
001E3D17 FFFFFFFF 108 120
00000000 5D98EA1C56 113 130
1B0A8D87 000000000000 124 140
486 FFFFFFFFFFFFFF 117 125
7A7 17ACA8C26B337AE9 112 135
14A2088E  69 80
7FF FF 60 65
6C3 2CC9 65 75
11509AA7 000000 97 110
15CC9FC0 FFFFFFFF 108 120
14D D5DC459BD1 89 105
000 000000000000 107 115
189AEE6B FFFFFFFFFFFFFF 135 150
053EF7FE 3D9F45D766BDAEA2 139 160
0BF  49 55
45B FF 57 65
7FF EE70 67 75
12A2E7E7 000000 100 110
1C4B5A0F FFFFFFFF 108 120
19F2D723 22363ACABB 108 130
10E 000000000000 107 115
000 FFFFFFFFFFFFFF 118 125
1B7EC50C 5CDC95050DC573E4 135 160
256  48 55
16CF8FE4 FF 79 90
05DF8F8A 94BB 87 100
7FF 000000 78 85
04707B55 FFFFFFFF 105 120
43E ED9DEC14B7 90 105
0FA9C856 000000000000 127 140
26D FFFFFFFFFFFFFF 115 125
000 8BE1CCDF234A2A4D 117 135
057766A4  70 80
07FB4413 FF 80 90
7F2 C32E 66 75
002 000000 79 85`;

function classic(line: string, stuffing: Stuffing): number {
  const [id, bytes] = line.split(" ");
  const flags = id.length === 8 ? extended : 0;
  const frame = { id: Number.parseInt(id, 16), flags, data: Buffer.from(bytes, "hex"), receivedAtUs: 0 };
  return frameBits(frame, stuffing).nominal;
}

function fdFrame(flags: number, data: Uint8Array, stuffing: Stuffing): FrameBits {
  return frameBits({ id: 0, flags: flags | fd, data, receivedAtUs: 0 }, stuffing);
}

describe("the bits of a frame on the bus", () => {
  it("are those that can-utils counts for classic frames, exactly and at most", () => {
    const lines = CAN_UTILS.trim().split("\n");
    const counted = lines.map((line) => [classic(line, "exact"), classic(line, "worst")].join(" "));
    expect(counted).toEqual(lines.map((line) => line.split(" ").slice(2).join(" ")));
  });

  // Linux, "can: length: refactor frame lengths definition to add size in bits": the longest frames of each kind.
  it.each([
    [0, "none", 579],
    [extended, "none", 598],
    [0, "worst", 712],
    [extended, "worst", 736],
  ] as const)(
    "are as many as the kernel says for FD frames of 64 bytes (flags %i, stuff bits: %s)",
    (flags, stuffing, bits) => {
      expect(fdFrame(flags, new Uint8Array(64), stuffing)).toEqual({ nominal: bits, data: 0 });
    },
  );

  it("are sent at the data bit rate from behind BRS to the delimiter of the checksum", () => {
    // 17 bits to BRS and 12 behind the delimiter; ESI, length code, 8 bytes, 17 bits of checksum with 4 of count, 6 fixed stuff bits, 1.
    expect(fdFrame(bitRateSwitch, new Uint8Array(8), "none")).toEqual({ nominal: 29, data: 5 + 64 + 28 });
    // More than 16 bytes have a checksum of 21 bits, with 7 fixed stuff bits.
    expect(fdFrame(bitRateSwitch, new Uint8Array(20), "none")).toEqual({ nominal: 29, data: 5 + 160 + 33 });
  });

  it("hold the stuff bits of an FD frame that it has, none directly before its checksum", () => {
    // Id 0 is SOF, 11 zeros, RRS, IDE: 14 zeros with a stuff bit behind each 5; then 1 (FDF), 0 (res), 1 (BRS), 0 (ESI), 0000 (code):
    // a fifth zero is the last bit before the checksum.
    expect(fdFrame(bitRateSwitch, new Uint8Array(0), "exact")).toEqual({ nominal: 29 + 2, data: 5 + 28 });
    // Length code 0001, then 8 bits of one: one stuff bit behind the fifth 1.
    expect(fdFrame(bitRateSwitch, Uint8Array.of(0xff), "exact")).toEqual({ nominal: 29 + 2, data: 5 + 8 + 1 + 28 });
  });

  it("leave out the data that a remote frame asks for, and error frames, whose length nobody knows", () => {
    const frame = { id: 0x123, data: new Uint8Array(8), receivedAtUs: 0 };
    expect(frameBits({ ...frame, flags: remote }, "none")).toEqual({ nominal: 47, data: 0 });
    expect(frameBits({ ...frame, flags: error }, "worst")).toEqual({ nominal: 0, data: 0 });
  });

  it.each(["exact", "none"] as const)("are never more than at most (%s)", (stuffing) => {
    for (let seed = 1; seed < 400; seed += 1) {
      const data = Uint8Array.from(
        { length: [0, 3, 8, 12, 64][seed % 5] },
        (_, at) => ((seed * 97) >>> (at % 5)) & (at % 2 === 0 ? 0xff : 0xf0),
      );
      const flags = (seed % 3 === 0 ? extended : 0) | (data.length > 8 || seed % 2 === 0 ? fd | bitRateSwitch : 0);
      const frame = { id: (seed * 2_654_435) % (flags & extended ? 0x2000_0000 : 0x800), flags, data, receivedAtUs: 0 };
      const [most, some] = [frameBits(frame, "worst"), frameBits(frame, stuffing)];
      expect(some.nominal).toBeLessThanOrEqual(most.nominal);
      expect(some.nominal + some.data).toBeLessThanOrEqual(most.nominal + most.data);
    }
  });
});
