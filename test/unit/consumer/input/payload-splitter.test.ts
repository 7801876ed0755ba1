import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FramedPayload,
  MAX_PAYLOAD_BYTES,
  PayloadSplitter,
} from "../../../../agent/consumer/input/payload-splitter.ts";

const SEED = 15_001;

/** What begins as a record does: protobuf, gzip or zstd. */
const payload = fc
  .tuple(
    fc.constantFrom([0x0a, 0x07], [0x0a, 0x28, ...Buffer.alloc(40, "t")], [0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd]),
    fc.uint8Array({ minLength: 22, maxLength: 400 }),
  )
  .map(([head, tail]) => Buffer.from([...head, ...tail]));

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

const FRAMINGS: Readonly<Record<string, (payloads: readonly Buffer[]) => Buffer>> = {
  hex: (payloads) => Buffer.from(payloads.map((one) => `${one.toString("hex")}\n`).join("")),
  "upper hex with topics and CRLF": (payloads) =>
    Buffer.from(payloads.map((one) => `dt/causeway/a b/event ${one.toString("hex").toUpperCase()}\r\n`).join("\n")),
  base64: (payloads) => Buffer.from(payloads.map((one) => one.toString("base64")).join("\n")),
  delimited: (payloads) => Buffer.concat(payloads.flatMap((one) => [Buffer.from(varint(one.length)), one])),
};

function split(bytes: Buffer, cuts: readonly number[]): FramedPayload[] {
  const splitter = new PayloadSplitter();
  const found: FramedPayload[] = [];
  let from = 0;
  for (const cut of cuts) {
    const piece = bytes.subarray(from, from + cut);
    found.push(...splitter.push(piece));
    from += piece.length;
  }
  found.push(...splitter.push(bytes.subarray(from)), ...splitter.end());
  return found;
}

const payloadsOf = (found: readonly FramedPayload[]): string[] =>
  found.map((one) => ("payload" in one ? Buffer.from(one.payload).toString("hex") : one.problem));

describe("PayloadSplitter", () => {
  it.each(Object.keys(FRAMINGS))("finds every payload in %s, however it comes in pieces", (framing) => {
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(300)), (payloads, cuts) => {
        const found = split(FRAMINGS[framing](payloads), cuts);
        expect(payloadsOf(found)).toEqual(payloads.map((one) => one.toString("hex")));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("takes the whole of anything else as one payload", () => {
    fc.assert(
      fc.property(payload, fc.array(fc.nat(300)), (one, cuts) => {
        expect(split(one, cuts)).toEqual([{ at: "", payload: one }]);
      }),
      { seed: SEED, numRuns: 300 },
    );
    expect(payloadsOf(new PayloadSplitter().end())).toEqual([""]);
  });

  it("gives a line as soon as it is there", () => {
    const splitter = new PayloadSplitter();
    expect(splitter.push(Buffer.from("0a07747275636b2d31"))).toEqual([]);
    expect(payloadsOf(splitter.push(Buffer.from("00\n0a")))).toEqual(["0a07747275636b2d3100"]);
  });

  it("tells JSON lines from a document of several lines", () => {
    const lines = Buffer.from('{"thing":"truck-1"}\n{"thing":"truck-2"}\n');
    expect(split(lines, [3])).toHaveLength(2);
    for (const pad of [0, 200]) {
      const document = Buffer.from(`{\n  "thing": "truck-1${" ".repeat(pad)}"\n}\n`);
      expect(split(document, [3])).toEqual([{ at: "", payload: document }]);
    }
    const length123 = Buffer.from([123, 0x0a, 0x20, ...Buffer.alloc(32, 0x61), 0x10, ...Buffer.alloc(88)]);
    expect(split(length123, [3])).toEqual([{ at: "record 1", payload: length123.subarray(1) }]);
  });

  it("names a line that is no payload and goes on, and gives up a stream whose length is absurd", () => {
    const good = `0a07${"00".repeat(30)}`;
    expect(split(Buffer.from(`${good}\nPublish failed!\n${good}\n`), []).map(({ at }) => at)).toEqual([
      "line 1",
      "line 2",
      "line 3",
    ]);
    const first = Buffer.concat([Buffer.from([30, 0x0a, 7]), Buffer.alloc(28)]);
    const absurd = Buffer.concat([first, Buffer.from([0xff, 0xff, 0xff, 0x7f, 1, 2, 3])]);
    expect(payloadsOf(split(absurd, [10]))[1]).toBe("its length is 268435455 bytes: more than 4194304");
    const cut = Buffer.concat([first, Buffer.from([40, 1, 2])]);
    expect(split(cut, []).at(-1)).toEqual({ at: "record 2", problem: "ends in the middle, after 3 bytes" });
  });

  it("holds no more than one payload and no more than a line", () => {
    const one = new PayloadSplitter();
    const found = Array.from({ length: 80 }, () => one.push(Buffer.alloc(65_536, 0x0a))).flat();
    expect(found).toEqual([{ at: "", problem: `is longer than ${MAX_PAYLOAD_BYTES} bytes` }]);
    const lines = new PayloadSplitter();
    const long = Array.from({ length: 140 }, () => lines.push(Buffer.alloc(65_536, 0x30))).flat();
    expect(long).toMatchObject([{ at: "line 1" }]);
  });
});
