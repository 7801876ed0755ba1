import { describe, expect, it } from "vitest";
import { OwnFrames } from "../../../../agent/diagnostics/tester/own-frames.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const TX = { id: 0x7e0, extended: false };
const frame = (...data: readonly number[]) => ({ id: 0x7e0, flags: 0, data: Uint8Array.from(data), receivedAtUs: 0 });

describe("OwnFrames", () => {
  it("knows consecutive frames and flow control of a conversation, and a moment after it", () => {
    const clock = new ManualClock();
    const own = new OwnFrames(clock);
    expect(own.isOwn(frame(0x21, 1))).toBe(false);
    const end = own.converse(TX, 0);
    expect([own.isOwn(frame(0x21, 1)), own.isOwn(frame(0x30, 0, 0)), own.isOwn(frame(0x02, 0x21))]).toEqual([
      true,
      true,
      false,
    ]);
    end();
    clock.advance(900);
    expect(own.isOwn(frame(0x22, 1))).toBe(true);
    clock.advance(200);
    expect(own.isOwn(frame(0x23, 1))).toBe(false);
  });

  it("looks behind the address byte where there is one", () => {
    const own = new OwnFrames(new ManualClock());
    own.converse(TX, 1);
    expect([own.isOwn(frame(0xf1, 0x30, 0)), own.isOwn(frame(0x30, 0xf1))]).toEqual([true, false]);
  });

  it("forgets what it has waited for too long", () => {
    const clock = new ManualClock();
    const own = new OwnFrames(clock);
    own.expect(TX, Uint8Array.of(2, 0x3e, 0x80));
    clock.advance(1001);
    expect(own.isOwn(frame(2, 0x3e, 0x80))).toBe(false);
  });

  it("compares the first bytes, whatever fills the frame up, and the length of the id", () => {
    const own = new OwnFrames(new ManualClock());
    own.expect(TX, Uint8Array.of(2, 0x3e, 0x80));
    expect(own.isOwn({ ...frame(2, 0x3e, 0x80), flags: 1 })).toBe(false);
    expect(own.isOwn(frame(2, 0x3e, 0x00))).toBe(false);
    expect(own.isOwn(frame(2, 0x3e, 0x80, 0x55, 0x55))).toBe(true);
  });

  it("bears many frames that never come back", () => {
    const own = new OwnFrames(new ManualClock());
    for (let at = 0; at < 10_000; at += 1) own.expect(TX, Uint8Array.of(2, at & 0xff, at >>> 8));
    expect(own.isOwn(frame(2, 0, 0))).toBe(false);
    expect(own.isOwn(frame(2, 9999 & 0xff, 9999 >>> 8))).toBe(true);
  });
});
