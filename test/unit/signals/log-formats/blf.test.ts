import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CANOE_BLF, FRAMES, PYTHON_CAN_BLF, shown } from "./log-vectors.ts";

const HEADER_BYTES = 144;

/** An object with a header of version 1 (32 bytes): its type, its time in ns, its body. */
function object(type: number, ns: number, body: Uint8Array, flags = 2): Buffer {
  const head = Buffer.alloc(32);
  head.write("LOBJ", 0, "latin1");
  head.writeUInt16LE(32, 4);
  head.writeUInt16LE(1, 6);
  head.writeUInt32LE(32 + body.length, 8);
  head.writeUInt32LE(type, 12);
  head.writeUInt32LE(flags, 16);
  head.writeBigUInt64LE(BigInt(ns), 24);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 4)]);
}

function classic(id: number, hex: string): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt16LE(1, 0);
  body.writeUInt8(hex.length / 2, 3);
  body.writeUInt32LE(id, 4);
  body.write(hex, 8, "hex");
  return body;
}

function container(content: Uint8Array, method = 2): Buffer {
  const packed = method === 2 ? deflateSync(content) : content;
  const head = Buffer.alloc(32);
  head.write("LOBJ", 0, "latin1");
  head.writeUInt16LE(16, 4);
  head.writeUInt16LE(1, 6);
  head.writeUInt32LE(32 + packed.length, 8);
  head.writeUInt32LE(10, 12);
  head.writeUInt16LE(method, 16);
  head.writeUInt32LE(content.length, 24);
  return Buffer.concat([head, packed, Buffer.alloc(packed.length % 4)]);
}

function file(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([PYTHON_CAN_BLF.subarray(0, HEADER_BYTES), ...parts]);
}

const ONE = object(1, 1_000_000_000, classic(0x123, "0102"));
const TWO = object(86, 2_000_000_000, classic(0x8000_0124, "03"));
const SHOWN_ONE = "(1735270497.917000) can0 123#0102";
const SHOWN_TWO = "(1735270498.917000) can0 00000124#03";

describe("BLF", () => {
  it("reads what python-can wrote", async () => {
    expect(await shown(PYTHON_CAN_BLF)).toEqual(FRAMES);
  });

  // 22 frames, of which python-can reads the last one at 1735654288.492673 with 0xff in the first 48 bytes.
  it("fills up data of CAN_FD_MESSAGE_64 that end early, as CANoe does", async () => {
    const lines = await shown(CANOE_BLF);
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe(`(1735654288.492673) can6 6A9##5${"FF".repeat(48)}${"00".repeat(16)}`);
  });

  it("puts together an object that begins in one container and ends in another, wherever it is cut", async () => {
    const both = Buffer.concat([ONE, TWO]);
    for (let cut = 1; cut < both.length; cut += 1) {
      expect(await shown(file(container(both.subarray(0, cut)), container(both.subarray(cut))))).toEqual([
        SHOWN_ONE,
        SHOWN_TWO,
      ]);
    }
  });

  it("reads objects outside containers, and containers that are not compressed", async () => {
    expect(await shown(file(ONE, container(TWO, 0)))).toEqual([SHOWN_ONE, SHOWN_TWO]);
  });

  it("takes time stamps of 10 µs", async () => {
    expect(await shown(file(container(object(1, 150, classic(0x123, ""), 1))))).toEqual([
      "(1735270496.918500) can0 123#",
    ]);
  });

  it("tells a time that no calendar has, and goes on", async () => {
    const late = object(1, 40_000_000_000_000_000, classic(0x123, ""), 1);
    expect(await shown(file(container(Buffer.concat([late, TWO]))))).toEqual([
      "drive:byte 144 a time beyond the year 9999",
      SHOWN_TWO,
    ]);
  });

  it("reads what is whole of a file that was cut off, and says where it ends", async () => {
    const log = file(container(Buffer.concat([ONE, TWO])), container(Buffer.concat([ONE, TWO])));
    const second = HEADER_BYTES + (log.length - HEADER_BYTES) / 2;
    let most = 0;
    for (let bytes = second + 1; bytes < log.length - 3; bytes += 1) {
      const lines = await shown(log.subarray(0, bytes));
      expect(lines.slice(0, 2)).toEqual([SHOWN_ONE, SHOWN_TWO]);
      const more = lines.slice(2).filter((line) => line.startsWith("("));
      expect(more).toEqual([SHOWN_ONE, SHOWN_TWO].slice(0, more.length));
      expect(more.length).toBeGreaterThanOrEqual(most);
      most = more.length;
      if (bytes > second + 3) expect(lines.at(-1)).toMatch(new RegExp(`^drive:byte ${second} the log is cut off`));
    }
    expect(most).toBe(2);
  });

  it.each([
    [7, "drive:byte 0 the log ends within its header, which has 144 bytes"],
    [143, "drive:byte 0 the log ends within its header, which has 144 bytes"],
  ])("says so of a header of %i bytes", async (bytes, problem) => {
    expect(await shown(PYTHON_CAN_BLF.subarray(0, bytes))).toEqual([problem]);
  });

  it("passes over what it does not know, and goes on behind what it cannot read", async () => {
    const broken = container(ONE);
    broken.fill(0xff, 40, 50);
    const strange = container(ONE);
    strange.writeUInt16LE(7, 16);
    const lines = await shown(
      file(container(object(115, 0, Buffer.alloc(24))), broken, strange, Buffer.alloc(40, 1), container(TWO)),
    );
    const at = (skipped: number): number => HEADER_BYTES + skipped;
    const unknown = container(object(115, 0, Buffer.alloc(24))).length;
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^drive:byte ${at(unknown)} a container that cannot be unpacked: `)),
      `drive:byte ${at(unknown + broken.length)} a container with compression 7, known are 0 (none) and 2 (zlib)`,
      expect.stringMatching(/^drive:byte \d+ expected an object, which begins with LOBJ; going on with the next one$/),
      SHOWN_TWO,
    ]);
  });

  it("does not take an object of no size for one, over and over", async () => {
    const none = Buffer.from(ONE);
    none.writeUInt32LE(0, 8);
    expect(await shown(file(container(Buffer.concat([none, TWO]))))).toEqual([
      "drive:byte 144 an object of 0 bytes, less than its own header; going on with the next object",
      SHOWN_TWO,
    ]);
    expect(await shown(file(none, TWO))).toEqual([
      "drive:byte 144 an object of 0 bytes, less than its own header",
      SHOWN_TWO,
    ]);
  });

  it("passes over an object too large to keep, in whatever containers it goes on", async () => {
    const large = object(65, 0, Buffer.alloc(200_000, 0x5a));
    const content = Buffer.concat([ONE, large, TWO]);
    const cuts = [0, 40_000, 90_000, 150_000, content.length];
    const containers = cuts.slice(1).map((end, index) => container(content.subarray(cuts[index], end)));
    expect(await shown(file(...containers))).toEqual([SHOWN_ONE, SHOWN_TWO]);
  });

  it("unpacks no more of a container than an object may have", async () => {
    const bomb = container(Buffer.alloc(20_000_000));
    expect(await shown(file(bomb, container(TWO)))).toEqual([
      expect.stringMatching(/^drive:byte 144 a container that cannot be unpacked: /),
      SHOWN_TWO,
    ]);
  });

  it("gives an error frame of Vector's tools the class of an error on the bus", async () => {
    // CAN_ERROR_EXT of python-can test/data/test_CanErrorFrameExt.blf, whose id is that of the disturbed frame.
    const body = Buffer.from(
      "1111000022222222222211112222333333333344556677888888888899999999aaaabbbbccddeeff11223344",
      "hex",
    ).subarray(0, 32);
    body.writeUInt16LE(3, 0);
    expect(await shown(file(container(object(73, 0, body))))).toEqual([
      "(1735270496.917000) can2 20000080#0000000000000000",
    ]);
  });

  it("says which ids and lengths cannot be", async () => {
    const tooLong = Buffer.alloc(84);
    tooLong.writeUInt8(1, 13);
    tooLong.writeUInt8(65, 14);
    expect(
      await shown(
        file(
          container(
            Buffer.concat([object(1, 0, classic(0x800, "")), object(100, 0, tooLong), object(1, 0, Buffer.alloc(9))]),
          ),
        ),
      ),
    ).toEqual([
      "drive:byte 144 an id of 11 bits is at most 7FF, found 800",
      "drive:byte 144 a frame of 65 data bytes, at most 64 are possible",
      "drive:byte 144 an object of type 1 with a body of 9 bytes, at least 16 are needed",
    ]);
  });
});
