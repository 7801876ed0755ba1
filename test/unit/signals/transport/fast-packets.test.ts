import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssembledMessage } from "../../../../agent/signals/transport/assembled-message.ts";
import { FastPackets } from "../../../../agent/signals/transport/fast-packets.ts";
import { noCounts } from "../../../../agent/signals/transport/partial-messages.ts";

const SEED = 1607;
const ENGINE = 0x09f2_0101;

function rig() {
  const counts = noCounts();
  const packets = new FastPackets(counts);
  const given: AssembledMessage[] = [];
  const take = (id: number, data: readonly number[], atMs = 0): string | undefined => {
    const step = packets.take(id, Uint8Array.from([0xaa, ...data, 0xaa]), 1, data.length, atMs * 1000);
    if (typeof step === "object") given.push(step);
    return typeof step === "object" ? "whole" : step;
  };
  return { counts, packets, given, take, bytes: () => given.map((one) => Buffer.from(one.bytes).toString("hex")) };
}

const hex = (text: string): number[] => [...Buffer.from(text, "hex")];

/** The frames of a message. */
function framesOf(bytes: readonly number[], sequence: number): readonly (readonly number[])[] {
  const head = [sequence << 5, bytes.length, ...bytes.slice(0, 6)];
  const rest = Array.from({ length: Math.ceil(Math.max(0, bytes.length - 6) / 7) }, (_, at) => [
    (sequence << 5) | (at + 1),
    ...bytes.slice(6 + at * 7, 13 + at * 7),
  ]);
  return [head, ...rest].map((frame) => [...frame, ...Array.from({ length: 8 - frame.length }, () => 0xff)]);
}

describe("FastPackets", () => {
  it("puts the frames of an engine together, of two instances in turn", () => {
    // canboat, samples/candump-fast.txt: PGN 127489, 26 bytes.
    const { take, given, bytes } = rig();
    for (const data of [
      "601A00B706670D0B",
      "6186BA042600105F",
      "62090000008F027F",
      "63000000007F7FFF",
      "001A017F07670D43",
      "0185B00423003CC9",
      "02090000008F027F",
      "03000000007F7FFF",
    ])
      take(ENGINE, hex(data));
    expect(bytes()).toEqual([
      "00b706670d0b86ba042600105f090000008f027f000000007f7f",
      "017f07670d4385b00423003cc9090000008f027f000000007f7f",
    ]);
    expect(given[0]).toMatchObject({ pgn: 127_489, source: 1, destination: 255, id: ENGINE });
  });

  it("puts a proprietary message of 46 bytes together", () => {
    // canboat issue 380: the frames of samples/susteranna2020.raw, and the same as one message.
    const { take, bytes } = rig();
    for (const data of [
      "a02e7d993721fa3f",
      "a1382134047e20a9",
      "a2017c2000003221",
      "a3c0e53321c5223a",
      "a42100001d210000",
      "a5502161965121ce",
      "a608522132f7ffff",
    ])
      take(0x0dff_081b, hex(data));
    expect(bytes()).toEqual([
      "7d993721fa3f382134047e20a9017c2000003221c0e53321c5223a2100001d210000502161965121ce08522132f7",
    ]);
  });

  it("says whom a group with a destination is sent to", () => {
    const { take, given } = rig();
    for (const frame of framesOf([1, 2, 3, 4, 5, 6, 7, 8, 9], 2)) take(0x0ded_2a11, frame);
    expect(given[0]).toMatchObject({ pgn: 0x1ed00, source: 0x11, destination: 0x2a });
  });

  it("begins with the first frame alone, and is not fooled by what an earlier message left", () => {
    const { take, bytes, counts } = rig();
    const [one, other] = [
      framesOf(hex("00112233445566778899aabbcc"), 1),
      framesOf(hex("ff112233445566778899aabbdd"), 1),
    ];
    expect(take(ENGINE, one[1])).toBe("part");
    take(ENGINE, one[0]);
    // The second frame of it was lost; eight messages later the same sequence number comes.
    take(ENGINE, other[0], 400);
    take(ENGINE, other[1], 410);
    expect(bytes()).toEqual(["ff112233445566778899aabbdd"]);
    expect(counts).toEqual({ ...noCounts(), assembled: 1, replaced: 1 });
  });

  it("gives up what is repeated with other bytes, or comes too late", () => {
    const { take, counts } = rig();
    const frames = framesOf(
      Array.from({ length: 30 }, (_, at) => at),
      0,
    );
    take(ENGINE, frames[0]);
    take(ENGINE, frames[1]);
    take(ENGINE, [1, 9, 9, 9, 9, 9, 9, 9]);
    take(ENGINE, frames[0]);
    take(ENGINE, frames[1], 751);
    expect(counts).toEqual({ ...noCounts(), conflicting: 1, timedOut: 1 });
  });

  it("counts frames that are none", () => {
    const { take, counts } = rig();
    for (const data of [[], [0], [0, 0, 1, 2, 3, 4, 5, 6], [0, 224, 1, 2, 3, 4, 5, 6]]) take(ENGINE, data);
    take(ENGINE, [0, 20, 1, 2, 3, 4, 5, 6]);
    take(ENGINE, [3, 1, 2, 3, 4, 5, 6, 7]);
    take(ENGINE, [1, 1, 2, 3, 4, 5, 6]);
    expect(counts).toEqual({ ...noCounts(), malformed: 6 });
  });

  it(`reads 1 to 223 bytes from many at once, their frames in any order after the first (seed ${SEED})`, () => {
    const message = fc.record({
      bytes: fc.array(fc.nat(255), { minLength: 1, maxLength: 223 }),
      source: fc.nat(3),
      sequence: fc.nat(7),
      order: fc.infiniteStream(fc.nat(1000)),
    });
    const senders = fc.uniqueArray(message, {
      minLength: 1,
      maxLength: 5,
      selector: ({ source, sequence }) => source * 8 + sequence,
    });
    fc.assert(
      fc.property(senders, (messages) => {
        const { take, given } = rig();
        const frames = messages.flatMap(({ bytes, source, sequence, order }) => {
          const [first, ...others] = framesOf(bytes, sequence);
          const keyed = others.map((data) => ({ data, key: 1 + Number(order.next().value) }));
          return [{ data: first, key: 0 }, ...keyed].map((one) => ({ ...one, source }));
        });
        const ordered = frames.toSorted((one, other) => one.key - other.key);
        for (const { data, source } of ordered) take(0x09f8_0500 | source, data);
        const expected = messages.map(({ bytes, source }) => `${source} ${bytes.join()}`);
        expect(given.map(({ bytes, source }) => `${source} ${bytes.join()}`).toSorted()).toEqual(expected.toSorted());
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
