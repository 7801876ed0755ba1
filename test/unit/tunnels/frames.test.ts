import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createFrameReader,
  encodeFrame,
  FRAME_TYPES,
  FrameAssembly,
  frameOf,
  MAX_PAYLOAD_BYTES,
  type TunnelFrame,
} from "../../../agent/tunnels/frames.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { readRelayFrame, relayFrame } from "../../bench/cloud/tunnel-frames.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";

const SEED = 18;
const readFrame = createFrameReader(readDescriptor("tunnel"));

/** All that comes of `bytes`, which arrive in pieces of these lengths, one after the other and again. */
function assembled(bytes: Uint8Array, pieces: readonly number[]): (TunnelFrame | "malformed")[] {
  const assembly = new FrameAssembly(readFrame);
  const frames: (TunnelFrame | "malformed")[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = pieces[turn % pieces.length] ?? 1;
    frames.push(...assembly.take(bytes.subarray(at, at + length)));
    at += length;
  }
  return frames;
}

const types = fc.constantFrom(...Object.keys(FRAME_TYPES).map((name) => Object.keys(FRAME_TYPES).indexOf(name) + 1));
const wireFrames = fc.record({
  type: types,
  streamId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  payload: fc.uint8Array({ minLength: 1, maxLength: 500 }),
  serviceId: fc.stringMatching(/^[A-Z]{1,12}$/),
  available: fc.array(fc.stringMatching(/^[A-Z]{1,12}$/), { maxLength: 3 }),
  connectionId: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});

describe("frames", () => {
  it("are what the protocol guide says, byte by byte", () => {
    const frame = frameOf("DATA", { streamId: 1, payload: Buffer.from("hi"), serviceId: "SSH", connectionId: 2 });
    // Length 15; 1: DATA; 2: 1; 4: "hi"; 5: "SSH"; 7: 2.
    expect(Buffer.from(encodeFrame(frame)).toString("hex")).toBe("000f08011001220268692a035353483802");
    expect(Buffer.from(encodeFrame(frameOf("STREAM_RESET", { streamId: 7 }))).toString("hex")).toBe("000408031007");
  });

  it("come as they were sent, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(wireFrames, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        (sent, pieces) => {
          const names = Object.keys(FRAME_TYPES);
          const expected = sent.map(({ type, available, payload, ...rest }) => ({
            ...rest,
            ignorable: false,
            payload: Uint8Array.from(payload),
            availableServiceIds: available,
            type: names[type - 1],
          }));
          const came = assembled(Buffer.concat(sent.map(relayFrame)), pieces);
          expect(
            came.map((one) => (one === "malformed" ? one : { ...one, payload: Uint8Array.from(one.payload) })),
          ).toEqual(expected);
        },
      ),
      { seed: SEED },
    );
  });

  it("are read by whoever knows the protocol", () => {
    fc.assert(
      fc.property(wireFrames, ({ available, payload, type: number, ...rest }) => {
        const type = number === FRAME_TYPES.DATA ? "DATA" : "CONNECTION_RESET";
        const bytes = encodeFrame(frameOf(type, { ...rest, payload, availableServiceIds: available }));
        expect(bytes.length).toBe(2 + bytes[0] * 256 + bytes[1]);
        expect(readRelayFrame(Buffer.from(bytes.subarray(2)))).toEqual({
          ...rest,
          type: FRAME_TYPES[type],
          payload: Buffer.from(payload),
          ...(available.length > 0 ? { available } : {}),
        });
      }),
      { seed: SEED },
    );
  });

  it("hold as much as they may and no more", () => {
    const most = new Uint8Array(MAX_PAYLOAD_BYTES).fill(1);
    const [whole] = assembled(encodeFrame(frameOf("DATA", { streamId: 1, payload: most })), [65_537]);
    expect(whole === "malformed" ? 0 : whole.payload.length).toBe(64_512);
    const more = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
    expect(() => encodeFrame(frameOf("DATA", { streamId: 1, payload: more }))).toThrow(RangeError);
    expect(assembled(relayFrame({ type: 1, streamId: 1, payload: more }), [65_537])).toEqual(["malformed"]);
  });

  it("of a type that is not known keep its number", () => {
    expect(assembled(Buffer.from([0, 4, 0x08, 0x63, 0x18, 0x01]), [6])).toMatchObject([{ type: 99, ignorable: true }]);
    expect(assembled(Buffer.from([0, 0]), [2])).toMatchObject([{ type: 0, ignorable: false }]);
  });

  it("that are none end at the first of them, and nothing throws: 5,000 random streams", () => {
    const random = seededRandom(SEED);
    let malformed = 0;
    for (let count = 0; count < 5000; count++) {
      const bytes = Buffer.from(
        Array.from({ length: 2 + Math.floor(random() * 40) }, () => Math.floor(random() * 256)),
      );
      bytes[0] = 0;
      bytes[1] = Math.floor(random() * 32);
      const frames = assembled(bytes, [1 + Math.floor(random() * 40)]);
      const at = frames.indexOf("malformed");
      if (at >= 0) malformed += 1;
    }
    expect(malformed).toBeGreaterThan(2500);
  });
});
