import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssembledMessage } from "../../../../agent/signals/transport/assembled-message.ts";
import { J1939Transport } from "../../../../agent/signals/transport/j1939-transport.ts";
import { noCounts } from "../../../../agent/signals/transport/partial-messages.ts";
import { type TpFrame, tpFrames } from "../../../fakes/signals/tp-frames.ts";

const SEED = 1606;
const TTI2 = 65_200;

/** A transport with what it gave so far. */
function rig(isWanted: (pgn: number) => boolean = () => true) {
  const counts = noCounts();
  const transport = new J1939Transport(counts, isWanted);
  const given: AssembledMessage[] = [];
  const take = (...frames: readonly TpFrame[]): readonly (string | undefined)[] =>
    frames.map(({ id, data, atMs }) => {
      // In a batch the data of a frame are somewhere in the middle.
      const step = transport.take(id, Uint8Array.from([0xaa, ...data, 0xaa]), 1, data.length, atMs * 1000);
      if (typeof step === "object") given.push(step);
      return typeof step === "object" ? "whole" : step;
    });
  return { counts, transport, given, take };
}

const bytesOf = (length: number, first = 0): number[] => Array.from({ length }, (_, at) => (first + at * 3) & 0xff);

describe("J1939Transport", () => {
  // Frames and results of python-can-j1939, test/test_ecu.py: test_broadcast_receive_long, test_peer_to_peer_receive_long.
  const TWENTY = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6];

  it("puts a message to all together", () => {
    const { given, take } = rig();
    take(
      { id: 0x00ec_ff01, data: [32, 20, 0, 3, 255, 0xb0, 0xfe, 0], atMs: 0 },
      { id: 0x00eb_ff01, data: [1, 1, 2, 3, 4, 5, 6, 7], atMs: 50 },
      { id: 0x00eb_ff01, data: [2, 1, 2, 3, 4, 5, 6, 7], atMs: 100 },
      { id: 0x00eb_ff01, data: [3, 1, 2, 3, 4, 5, 6, 255], atMs: 150 },
    );
    const id = 0x00fe_b001;
    expect(given).toEqual([
      { pgn: TTI2, source: 1, destination: 255, id, bytes: Uint8Array.from(TWENTY), receivedAtUs: 150_000 },
    ]);
  });

  it("puts a message together that one sends another, whatever the receiver says in between", () => {
    const { counts, given, take } = rig();
    const steps = take(
      { id: 0x00ec_0201, data: [16, 20, 0, 3, 1, 176, 254, 0], atMs: 0 },
      { id: 0x1cec_0102, data: [17, 1, 1, 255, 255, 176, 254, 0], atMs: 10 },
      { id: 0x00eb_0201, data: [1, 1, 2, 3, 4, 5, 6, 7], atMs: 20 },
      { id: 0x1cec_0102, data: [17, 1, 2, 255, 255, 176, 254, 0], atMs: 30 },
      { id: 0x00eb_0201, data: [2, 1, 2, 3, 4, 5, 6, 7], atMs: 40 },
      { id: 0x1cec_0102, data: [17, 1, 3, 255, 255, 176, 254, 0], atMs: 50 },
      { id: 0x00eb_0201, data: [3, 1, 2, 3, 4, 5, 6, 255], atMs: 60 },
      { id: 0x1cec_0102, data: [19, 20, 0, 3, 255, 176, 254, 0], atMs: 70 },
    );
    expect(given.map(({ source, destination, bytes }) => [source, destination, [...bytes]])).toEqual([[1, 2, TWENTY]]);
    expect(steps).toEqual([...Array.from({ length: 6 }, () => "part"), "whole", undefined]);
    expect(counts).toEqual({ ...noCounts(), assembled: 1 });
  });

  it("gives a group with a destination its id with that of the connection", () => {
    const { given, take } = rig();
    take(...tpFrames(bytesOf(9), { pgn: 0xdf55, from: 0x90, to: 0x9b }));
    expect(given.map(({ pgn, id }) => [pgn, id])).toEqual([[0xdf00, 0x18df_9b90]]);
  });

  it.each([9, 14, 15, 20, 21, 1784, 1785])("reads %i bytes of a message", (length) => {
    const { given, take } = rig();
    take(...tpFrames(bytesOf(length)));
    expect(given.map(({ bytes }) => [...bytes])).toEqual([bytesOf(length)]);
  });

  it("takes packets in any order, and those that the receiver asks for again", () => {
    const { given, take, counts } = rig();
    const [rts, one, two, three] = tpFrames(bytesOf(20), { to: 5 });
    const again: TpFrame = { id: 0x18ec_0105, data: [17, 1, 2, 255, 255, 176, 254, 0], atMs: 1300 };
    take(rts, one, three, three, again, { ...two, atMs: 1500 });
    expect(given.map(({ bytes, receivedAtUs }) => [[...bytes], receivedAtUs])).toEqual([[bytesOf(20), 1_500_000]]);
    expect(counts).toEqual({ ...noCounts(), assembled: 1 });
  });

  it("keeps messages of many pairs apart that come at the same time", () => {
    const { given, take } = rig();
    const pairs = [
      { from: 1, to: 255 },
      { from: 2, to: 255 },
      { from: 1, to: 2 },
      { from: 2, to: 1 },
    ];
    const messages = pairs.map((pair, at) => tpFrames(bytesOf(30, at * 50), pair));
    for (let frame = 0; frame < 6; frame++) for (const frames of messages) take(frames[frame]);
    expect(given.map(({ source, destination, bytes }) => [{ from: source, to: destination }, [...bytes]])).toEqual(
      pairs.map((pair, at) => [pair, bytesOf(30, at * 50)]),
    );
  });

  it.each<[string, (frames: readonly TpFrame[]) => readonly TpFrame[], object]>([
    ["a packet that never came, and another message", (frames) => [...frames.slice(0, 3), frames[0]], { replaced: 1 }],
    ["the next packet too late", ([bam, one, two]) => [bam, one, { ...two, atMs: 801 }], { timedOut: 1 }],
    [
      "an abort of the sender",
      ([bam]) => [bam, { ...bam, data: [255, 1, 255, 255, 255, 176, 254, 0] }],
      { aborted: 1 },
    ],
    [
      "frames of two messages",
      ([bam, one]) => [bam, one, { ...one, data: [1, 9, 9, 9, 9, 9, 9, 9] }],
      { conflicting: 1 },
    ],
    ["a packet 0", ([bam, one]) => [bam, { ...one, data: [0, ...one.data.slice(1)] }], { malformed: 1 }],
    ["a packet past the last", ([bam, one]) => [bam, { ...one, data: [4, ...one.data.slice(1)] }], { malformed: 1 }],
    ["a packet that is too short", ([bam, one]) => [bam, { ...one, data: one.data.slice(0, 7) }], { malformed: 1 }],
    ["too few bytes", () => tpFrames(bytesOf(8)), { malformed: 1 }],
    ["too many bytes", () => tpFrames(bytesOf(1786)), { malformed: 1 }],
    ["another number of packets", ([bam]) => [{ ...bam, data: bam.data.with(3, 4) }], { malformed: 1 }],
    ["a short frame of control", ([bam]) => [{ ...bam, data: bam.data.slice(0, 7) }], { malformed: 1 }],
    [
      "a message of more than 1785 bytes",
      () => [{ id: 0x18c8_0201, data: [20, 0, 8, 0, 0, 0, 0xfe, 0], atMs: 0 }],
      { tooLong: 1 },
    ],
  ])("gives nothing for %s, and counts it", (_what, change, counted) => {
    const { given, take, counts } = rig();
    take(...change(tpFrames(bytesOf(20))));
    expect(given).toEqual([]);
    expect(counts).toEqual({ ...noCounts(), ...counted });
  });

  it("gives a connection up that the receiver ends, or acknowledges though a packet was not seen here", () => {
    const { given, take, counts } = rig();
    const [rts, one] = tpFrames(bytesOf(20), { to: 5 });
    take(rts, one, { id: 0x18ec_0105, data: [19, 20, 0, 3, 255, 176, 254, 0], atMs: 60 });
    take(rts, one, { id: 0x18ec_0105, data: [255, 1, 255, 255, 255, 176, 254, 0], atMs: 60 });
    // Of another group it says nothing.
    take(rts, one, { id: 0x18ec_0105, data: [255, 1, 255, 255, 255, 177, 254, 0], atMs: 60 });
    expect(given).toEqual([]);
    expect(counts).toEqual({ ...noCounts(), missed: 1, aborted: 1 });
  });

  it("waits longer in a connection, and no shorter when the clock steps back", () => {
    const { given, take, counts } = rig();
    const [rts, one, two] = tpFrames(bytesOf(14), { to: 5, atMs: 10_000 });
    take(rts, { ...one, atMs: 11_250 }, { ...two, atMs: 5000 });
    expect(given).toHaveLength(1);
    take(rts, { ...one, atMs: 11_251 });
    expect(counts).toEqual({ ...noCounts(), assembled: 1, timedOut: 1 });
  });

  it("begins nothing of groups that nobody asks for, which end what was begun all the same", () => {
    const { given, take, counts, transport } = rig((pgn) => pgn === TTI2);
    expect(take(...tpFrames(bytesOf(9), { pgn: 65_201 }))).toEqual([undefined, undefined, undefined]);
    const [bam, one, two] = tpFrames(bytesOf(9));
    take(bam, one, tpFrames(bytesOf(9), { pgn: 65_201 })[0], two);
    expect([given.length, transport.size, counts]).toEqual([0, 0, { ...noCounts(), replaced: 1 }]);
  });

  it("counts no message that is too long of groups that nobody asks for", () => {
    const { take, counts } = rig((pgn) => pgn === TTI2);
    take(
      { id: 0x18c8_0201, data: [20, 0, 8, 0, 0, 177, 254, 0], atMs: 0 },
      { id: 0x18c8_0201, data: [20, 0, 8, 0, 0, 176, 254, 0], atMs: 9 },
    );
    expect(counts).toEqual({ ...noCounts(), tooLong: 1 });
  });

  it("keeps so many messages at a time and no more", () => {
    const { take, counts, transport } = rig();
    for (let from = 0; from < 200; from++)
      for (const to of [255, 300 & 0xff]) take(tpFrames(bytesOf(20), { from, to })[0]);
    expect(transport.size).toBe(256);
    expect(counts.evicted).toBe(400 - 256);
    // The next one finds that all have waited too long.
    take(tpFrames(bytesOf(20), { from: 250, atMs: 5000 })[0]);
    expect([transport.size, counts.timedOut]).toEqual([1, 256]);
  });

  it(`gives what a look back over all frames finds (seed ${SEED})`, () => {
    const gaps = fc.constantFrom(0, 20, 200, 740, 760, 1240, 1260);
    const doing = fc.constantFrom("open", "next", "next", "next", "next", "any", "cts", "end", "abort");
    const step = fc.record({
      doing,
      from: fc.nat(2),
      to: fc.constantFrom(0, 1, 255),
      size: fc.constantFrom(9, 14, 15, 22),
      gapMs: gaps,
      pick: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const frames = played(steps);
        const { given, take } = rig();
        take(...frames);
        expect(
          given.map(({ source, destination, bytes, receivedAtUs }) => [
            source,
            destination,
            [...bytes],
            receivedAtUs / 1000,
          ]),
        ).toEqual(lookBack(frames));
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it(`bears any frame (seed ${SEED})`, () => {
    const { take, transport } = rig();
    const id = fc
      .record({ group: fc.constantFrom(0xec, 0xeb, 0xc8, 0xc7), low: fc.nat(0xffff) })
      .map(({ group, low }) => 0x1800_0000 + group * 0x1_0000 + low);
    const data = fc.array(fc.nat(255), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.record({ id, data, atMs: fc.nat(100) }), { maxLength: 50 }), (frames) => {
        take(...frames);
        expect(transport.size).toBeLessThanOrEqual(256);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});

type Step = {
  readonly doing: string;
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly gapMs: number;
  readonly pick: number;
};

/** The frames of a talk between few nodes, in which much goes wrong. Each message has other bytes. */
function played(steps: readonly Step[]): readonly TpFrame[] {
  const talks = new Map<string, { frames: readonly TpFrame[]; next: number }>();
  let atMs = 1000;
  return steps.flatMap(({ doing, from, to, size, gapMs, pick }, at): readonly TpFrame[] => {
    atMs += gapMs;
    const key = `${from} ${to}`;
    const control = (code: number): TpFrame => ({
      id: 0x18ec_0000 | (from << 8) | to,
      data: [code, 1, 1, 255, 255, 176, 254, 0],
      atMs,
    });
    if (doing === "open") talks.set(key, { frames: tpFrames(bytesOf(size, at), { from, to }), next: 1 });
    const talk = talks.get(key);
    if (doing === "cts" || doing === "end" || doing === "abort")
      return [control({ cts: 17, end: 19, abort: 255 }[doing])];
    if (talk === undefined) return [];
    if (doing === "open") return [{ ...talk.frames[0], atMs }];
    const number = doing === "next" ? talk.next++ : 1 + (pick % (talk.frames.length - 1));
    return number >= talk.frames.length ? [] : [{ ...talk.frames[number], atMs }];
  });
}

/** For each frame that a message is whole with: the last opener of its pair, and all packets since, unless something ended it. */
function lookBack(frames: readonly TpFrame[]): readonly unknown[] {
  const found: unknown[] = [];
  frames.forEach((frame, now) => {
    const bytes = wholeAt(frames, now);
    if (bytes === undefined) return;
    found.push([frame.id & 0xff, (frame.id >> 8) & 0xff, bytes, frame.atMs]);
  });
  return found;
}

function wholeAt(frames: readonly TpFrame[], now: number): readonly number[] | undefined {
  const { id } = frames[now];
  if (((id >> 16) & 0xff) !== 0xeb) return undefined;
  const pair = id & 0xffff;
  const reverse = ((id & 0xff) << 8) | ((id >> 8) & 0xff);
  const isControl = ({ id: other }: TpFrame): boolean => ((other >> 16) & 0xff) === 0xec;
  const openers = frames
    .slice(0, now)
    .flatMap((one, at) => (isControl(one) && (one.id & 0xffff) === pair && [16, 32].includes(one.data[0]) ? [at] : []));
  const from = openers.at(-1);
  if (from === undefined) return undefined;
  const opener = frames[from];
  const [code, low, high] = opener.data;
  const size = low + high * 256;
  const patienceMs = code === 32 ? 750 : 1250;
  const packets = new Map<number, readonly number[]>();
  let heardMs = opener.atMs;
  for (const frame of frames.slice(from + 1, now + 1)) {
    const own = frame.id & 0xffff;
    const isEnd =
      isControl(frame) &&
      ((frame.data[0] === 19 && own === reverse) || (frame.data[0] === 255 && (own === pair || own === reverse)));
    if (isEnd) return undefined;
    const isHeard = isControl(frame) ? frame.data[0] === 17 && own === reverse : own === pair;
    if (!isHeard) continue;
    if (frame.atMs - heardMs > patienceMs) return undefined;
    heardMs = frame.atMs;
    if (isControl(frame)) continue;
    // Whole before: what comes now is of no message.
    if (packets.size === Math.ceil(size / 7)) return undefined;
    packets.set(frame.data[0], frame.data.slice(1));
  }
  if (packets.size !== Math.ceil(size / 7)) return undefined;
  return [...packets]
    .sort(([one], [other]) => one - other)
    .flatMap(([, bytes]) => bytes)
    .slice(0, size);
}
