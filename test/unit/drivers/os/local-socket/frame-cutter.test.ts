import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameCutter } from "../../../../../drivers/os/local-socket/frame-cutter.ts";

const SEED = 1847;
const MAX_BYTES = 300;

/** A message with its length before it, as protobuf's delimited form has it. */
function delimited(bytes: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Uint8Array.of(...length, rest), bytes]);
}

/** Everything that a cutter gives for these chunks, a few at a time. */
function cut(chunks: readonly Buffer[], batch: number) {
  const cutter = new FrameCutter(MAX_BYTES);
  const frames: (string | Uint8Array)[] = [];
  for (const chunk of chunks) {
    cutter.push(chunk);
    for (;;) {
      const next = cutter.next(batch);
      if (next === "too-long") return { frames, end: "too-long", isBinary: cutter.isBinary };
      frames.push(...next);
      if (next.length === 0) break;
    }
  }
  return { frames, end: cutter.isInFrame ? "in frame" : "whole", isBinary: cutter.isBinary };
}

function chunksOf(stream: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let n = 0; at < stream.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe("FrameCutter", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });
  const batch = fc.integer({ min: 1, max: 5 });

  it("gives the messages that were sent, however they are cut, after one byte 0", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: MAX_BYTES }), { maxLength: 12 });
    const property = fc.property(messages, fc.nat(3), sizes, batch, (sent, lost, cuts, most) => {
      const whole = Buffer.concat([Uint8Array.of(0), ...sent.map(delimited)]);
      const last = sent.at(-1);
      const isCut = last !== undefined && lost > 0 && lost < delimited(last).length;
      const stream = isCut ? whole.subarray(0, whole.length - lost) : whole;
      const { frames, end, isBinary } = cut(chunksOf(stream, cuts), most);
      expect(frames.map((frame) => Buffer.from(frame))).toEqual(
        (isCut ? sent.slice(0, -1) : sent).map((one) => Buffer.from(one)),
      );
      expect([end, isBinary]).toEqual([isCut ? "in frame" : "whole", true]);
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });

  it("reads everything as lines that does not begin with a byte 0", () => {
    const property = fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), sizes, batch, (bytes, cuts, most) => {
      fc.pre(bytes[0] !== 0);
      const { frames, isBinary } = cut(chunksOf(Buffer.from(bytes), cuts), most);
      expect(isBinary).toBe(false);
      expect(frames).toEqual(
        Buffer.from(bytes)
          .toString("latin1")
          .split("\n")
          .slice(0, -1)
          .map((line) => Buffer.from(line, "latin1").toString("utf8")),
      );
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });

  it.each([
    ["a length beyond the bound", Buffer.from([0, 0xad, 0x02])],
    ["a length of more bytes than any needs", Buffer.from([0, 0x80, 0x80, 0x80, 0x80, 0x00])],
    [
      "one after a good message",
      Buffer.concat([Uint8Array.of(0), delimited(Uint8Array.of(1)), Uint8Array.of(0xff, 0x7f)]),
    ],
  ])("says so of %s before any of it has come", (_what, stream) => {
    expect(cut([stream], 4)).toMatchObject({ end: "too-long", isBinary: true });
  });

  it("takes a message of the bound", () => {
    const { frames, end } = cut([Buffer.concat([Uint8Array.of(0), delimited(new Uint8Array(MAX_BYTES))])], 4);
    expect([frames.length, end]).toEqual([1, "whole"]);
  });
});
