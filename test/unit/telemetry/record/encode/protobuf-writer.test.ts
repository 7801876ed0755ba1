import fc from "fast-check";
import protobuf from "protobufjs/light.js";
import { describe, expect, it } from "vitest";
import { ProtobufWriter } from "../../../../../agent/telemetry/record/encode/protobuf-writer.ts";

/** Packed content of field 1 as protobufjs's own reader sees it, which is another implementation of the format. */
function readPacked<T>(bytes: Uint8Array, read: (reader: protobuf.Reader) => T): T[] {
  const reader = protobuf.Reader.create(bytes);
  expect(reader.uint32()).toBe(0x0a);
  const end = reader.uint32() + reader.pos;
  const values: T[] = [];
  while (reader.pos < end) values.push(read(reader));
  expect(reader.pos).toBe(bytes.length);
  return values;
}

function packed(write: (writer: ProtobufWriter) => void, expectedBytes: number): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(1, expectedBytes);
  write(writer);
  writer.end();
  return writer.finish();
}

/** protobufjs gives 64-bit integers as two halves. */
function bigintOf(value: number | { readonly low: number; readonly high: number }): bigint {
  if (typeof value === "number") return BigInt(value);
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}

const sint64 = (reader: protobuf.Reader): bigint => bigintOf(reader.sint64());

describe("ProtobufWriter", () => {
  it("writes the published examples of the wire format", () => {
    // protobuf.dev/programming-guides/encoding: 150 in field 1; "testing" in field 2; a nested message with 150 in field 3.
    const writer = new ProtobufWriter();
    writer.uintField(1, 150);
    writer.stringField(2, "testing");
    writer.begin(3, 3);
    writer.uintField(1, 150);
    writer.end();
    expect(Buffer.from(writer.finish()).toString("hex")).toBe("089601120774657374696e671a03089601");
  });

  it("writes sint64 with the published zigzag codes", () => {
    const codes = (value: number): number[] => [...packed((writer) => writer.sint(value), 1)].slice(2);
    expect(codes(0)).toEqual([0]);
    expect(codes(-1)).toEqual([1]);
    expect(codes(1)).toEqual([2]);
    expect(codes(-2)).toEqual([3]);
    expect(codes(0x7fff_ffff)).toEqual([0xfe, 0xff, 0xff, 0xff, 0x0f]);
    expect(codes(-0x8000_0000)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  it("writes integers of every size as protobufjs reads them", () => {
    const integer = fc.oneof(
      fc.maxSafeInteger(),
      fc.integer({ min: -200, max: 200 }),
      fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 })).map(([bit, off]) => 2 ** bit + off),
      fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 })).map(([bit, off]) => off - 2 ** bit),
    );
    fc.assert(
      fc.property(fc.array(integer, { maxLength: 50 }), fc.integer({ min: 0, max: 40_000 }), (values, guess) => {
        const bytes = packed((writer) => values.forEach((value) => writer.sint(value)), guess);
        expect(readPacked(bytes, sint64)).toEqual(values.map(BigInt));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it("writes 64-bit integers given in halves", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (values) => {
        const bytes = packed((writer) => {
          for (const value of values) writer.sint64(Number(BigInt.asUintN(32, value)), Number(value >> 32n));
        }, 10);
        expect(readPacked(bytes, sint64)).toEqual(values);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it("writes differences that add up to the values again", () => {
    const value = fc.oneof(
      fc.integer({ min: -100, max: 100 }),
      fc.maxSafeInteger().map((x) => Math.trunc(x / 2)),
    );
    fc.assert(
      fc.property(fc.array(value), value, (values, first) => {
        const bytes = packed((writer) => writer.deltas(Float64Array.of(first, ...values)), 5);
        let sum = BigInt(first);
        const sums = readPacked(bytes, sint64).map((delta) => {
          sum += delta;
          return sum;
        });
        expect(sums).toEqual(values.map(BigInt));
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("keeps what is before and after a nested message whose length was guessed wrongly", () => {
    for (const [guess, length] of [
      [0, 200],
      [20_000, 3],
      [127, 128],
      [128, 127],
      [3, 40_000],
    ]) {
      const writer = new ProtobufWriter();
      writer.uintField(1, 7);
      writer.begin(2, guess);
      writer.append(new Uint8Array(length).fill(0xee));
      writer.end();
      writer.uintField(3, 9);
      const reader = protobuf.Reader.create(writer.finish());
      expect([reader.uint32(), reader.uint32(), reader.uint32()]).toEqual([8, 7, 18]);
      expect(reader.bytes()).toEqual(new Uint8Array(length).fill(0xee));
      expect([reader.uint32(), reader.uint32(), reader.pos === reader.len]).toEqual([24, 9, true]);
    }
  });

  it("leaves out defaults, but not where a field has presence", () => {
    const writer = new ProtobufWriter();
    writer.uintField(1, 0);
    writer.sintField(2, 0);
    writer.stringField(3, "");
    writer.doubleField(4, 0);
    expect(writer.length).toBe(0);
    writer.presentUintField(5, 0);
    writer.doubleField(4, -0);
    expect(Buffer.from(writer.finish()).toString("hex")).toBe("2800210000000000000080");
  });

  it("starts anew after reset", () => {
    const writer = new ProtobufWriter();
    writer.begin(1, 1);
    writer.reset();
    writer.uintField(1, 2 ** 53 - 1);
    const reader = protobuf.Reader.create(writer.finish());
    expect([reader.uint32(), bigintOf(reader.uint64())]).toEqual([8, 9_007_199_254_740_991n]);
    expect(() => writer.end()).toThrow(TypeError);
  });
});
