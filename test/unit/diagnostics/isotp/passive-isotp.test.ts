import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  PassiveIsoTp,
  type PassiveIsoTpSettings,
  type PassivePdu,
} from "../../../../agent/diagnostics/isotp/passive-isotp.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { isoTpData } from "../../../fakes/diagnostics/isotp-frames.ts";
import { modelFrames } from "../../../fakes/diagnostics/isotp-model.ts";

const SETTINGS: PassiveIsoTpSettings = {
  addressByte: false,
  maxConversations: 3,
  maxPduBytes: 4095,
  maxBytes: 5000,
};
const LAYOUT = { address: "", size: 8, pad: "cc" };

function frame(id: number, data: string, receivedAtUs = 0, flags = 0): CanFrame {
  return { id, flags, data: Uint8Array.from(Buffer.from(data, "hex")), receivedAtUs };
}

function listen(settings: Partial<PassiveIsoTpSettings> = {}): { passive: PassiveIsoTp; pdus: PassivePdu[] } {
  const pdus: PassivePdu[] = [];
  return { passive: new PassiveIsoTp({ ...SETTINGS, ...settings }, (pdu) => pdus.push(pdu)), pdus };
}

/** `length` bytes that differ by `start`. */
function pduOf(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (start + index) & 0xff);
}

describe("passive ISO-TP", () => {
  it("puts PDUs of several senders together while their frames come mixed", () => {
    const { passive, pdus } = listen();
    const one = modelFrames(LAYOUT, pduOf(30));
    const other = modelFrames(LAYOUT, pduOf(28, 100));
    for (const [index, data] of one.entries()) {
      passive.take(frame(0x7e8, data, 1000 + index));
      if (other[index] !== undefined) passive.take(frame(0x7e8, other[index], 2000 + index, FRAME_FLAG.extended));
    }
    expect(pdus).toEqual(
      [
        { id: 0x7e8, extended: false, addressByte: undefined, pdu: pduOf(30), receivedAtUs: 1004 },
        { id: 0x7e8, extended: true, addressByte: undefined, pdu: pduOf(28, 100), receivedAtUs: 2004 },
      ].toSorted((a, b) => Number(a.extended) - Number(b.extended)),
    );
    expect(passive.held()).toEqual({ conversations: 0, bytes: 0 });
  });

  it("tells senders with one id apart by their address byte", () => {
    const { passive, pdus } = listen({ addressByte: true });
    const one = modelFrames({ ...LAYOUT, address: "10" }, pduOf(20));
    const other = modelFrames({ ...LAYOUT, address: "11" }, pduOf(20, 50));
    for (const [index, data] of one.entries()) {
      passive.take(frame(0x6f1, data));
      passive.take(frame(0x6f1, other[index] ?? ""));
    }
    expect(pdus.map(({ addressByte, pdu }) => [addressByte, pdu[0]])).toEqual([
      [0x10, 0],
      [0x11, 50],
    ]);
  });

  it("gives a PDU up whose frame is lost, late or of another length, and counts it", () => {
    const { passive, pdus } = listen();
    const frames = modelFrames(LAYOUT, pduOf(30));
    const show = (...some: readonly (readonly [data: string, atUs: number])[]): void => {
      for (const [data, atUs] of some) passive.take(frame(0x7e8, data, atUs));
    };
    show([frames[0], 0], [frames[2], 1]);
    show([frames[0], 0], [frames[1], 5_000_001]);
    show([frames[0], 0], ["2106", 1]);
    show([frames[0], 0], ["0150", 1]);
    expect(passive.counters()).toEqual({ pdus: 1, incomplete: 4, evicted: 0, tooLong: 0, ignored: 0 });
    show([frames[1], 2], ["300000", 3]);
    expect(passive.counters().ignored).toBe(2);
    expect(pdus.map(({ pdu }) => [...pdu])).toEqual([[0x50]]);
  });

  it("keeps no more conversations and bytes than it may: that which has waited longest goes", () => {
    const { passive, pdus } = listen({ maxConversations: 2 });
    const frames = modelFrames(LAYOUT, pduOf(20));
    passive.take(frame(1, frames[0]));
    passive.take(frame(2, frames[0]));
    passive.take(frame(1, frames[1]));
    passive.take(frame(3, frames[0]));
    passive.take(frame(1, frames[2]));
    expect(pdus.map(({ id }) => id)).toEqual([1]);
    expect(passive.counters().evicted).toBe(1);
    passive.take(frame(4, "1fff000102030405"));
    passive.take(frame(5, "13e8000102030405"));
    expect(passive.held()).toEqual({ conversations: 1, bytes: 1000 });
    expect(passive.counters().evicted).toBe(3);
    passive.take(frame(6, "100000001000"));
    passive.take(frame(6, "1000000010000102"));
    expect(passive.counters()).toMatchObject({ tooLong: 1, ignored: 1 });
  });

  it("passes over error and remote frames", () => {
    const { passive, pdus } = listen();
    passive.take(frame(4, "0150", 0, FRAME_FLAG.error));
    passive.take(frame(4, "0150", 0, FRAME_FLAG.remote));
    expect(pdus).toEqual([]);
  });

  it("bears any frames within its bounds", () => {
    const settings = { ...SETTINGS, maxPduBytes: 300, maxBytes: 500 };
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), isoTpData), { maxLength: 200, size: "max" }),
        (addressByte, frames) => {
          const { passive, pdus } = listen({ ...settings, addressByte });
          for (const [id, data] of frames) {
            passive.take({ id, flags: 0, data, receivedAtUs: 0 });
            const { conversations, bytes } = passive.held();
            expect(conversations).toBeLessThanOrEqual(3);
            expect(bytes).toBeLessThanOrEqual(500);
          }
          expect(passive.counters().pdus).toBe(pdus.length);
        },
      ),
      { numRuns: 300, seed: 16_006 },
    );
  });
});
