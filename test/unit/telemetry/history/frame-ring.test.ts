import { describe, expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { FrameRing } from "../../../../agent/telemetry/history/frame-ring.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import type { ModelFrame } from "../../../fakes/telemetry/history-model.ts";

const SEED = 14;
/** Of the longest entry: a header of 16 bytes, and 64 bytes of data. */
const LONGEST_BYTES = 80;

function append(ring: FrameRing, { bus, id, flags, data, timeUs }: ModelFrame): void {
  const batch = new FrameBatch(2);
  batch.push(0, 0, new Uint8Array(), 0);
  batch.push(id, flags, Uint8Array.from(data), timeUs);
  ring.append(bus, batch, 1);
}

function frameAt(ring: FrameRing, offset: number): ModelFrame {
  const given: ModelFrame[] = [];
  ring.give(offset, (bus, bytes, at, length, id, flags, timeUs) => {
    given.push({ bus, id, flags, data: [...bytes.subarray(at, at + length)], timeUs });
  });
  return given[0];
}

function oldestFirst(ring: FrameRing): ModelFrame[] {
  const frames: ModelFrame[] = [];
  let offset = ring.oldestAt;
  for (let sequence = ring.first; sequence < ring.next; sequence++) {
    offset = ring.offsetOf(sequence, offset);
    frames.push(frameAt(ring, offset));
    offset = ring.after(offset);
  }
  return frames;
}

function newestFirst(ring: FrameRing): ModelFrame[] {
  const frames: ModelFrame[] = [];
  let offset = ring.newestAt;
  for (let sequence = ring.next - 1; sequence >= ring.first; sequence--) {
    frames.push(frameAt(ring, offset));
    if (sequence > ring.first) offset = ring.before(offset);
  }
  return frames;
}

function entryBytes({ data }: ModelFrame): number {
  return 16 + Math.ceil(data.length / 8) * 8;
}

describe("FrameRing", () => {
  it(`holds the newest frames, whole and in both directions, and wastes no more than one frame at either end (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const pick = (below: number): number => Math.floor(random() * below);
    // Also sizes that no entry divides.
    for (const [bytes, frames] of [
      [4096, 300],
      [1000, 1000],
      [136, 2000],
      [88, 2000],
      [80, 2000],
    ] as const) {
      const ring = new FrameRing(bytes, 4, 1000);
      const all: ModelFrame[] = [];
      for (let count = 0; count < frames; count++) {
        const isFd = random() < 0.3;
        const data = Array.from({ length: pick(isFd ? 65 : 9) }, () => pick(256));
        const flags = (isFd ? FRAME_FLAG.fd : 0) | FRAME_FLAG.extended;
        const frame = { bus: pick(4), id: pick(2 ** 29), flags, data, timeUs: 1e15 + random() * 1e9 };
        append(ring, frame);
        all.push(frame);
        const held = all.slice(ring.first - 1000);
        expect(ring.next - ring.first).toBe(held.length);
        expect(oldestFirst(ring)).toEqual(held);
        expect(newestFirst(ring)).toEqual(held.toReversed());
        expect(ring.usedBytes).toBe(held.reduce((sum, one) => sum + entryBytes(one), 0));
        if (ring.first > 1000) expect(ring.usedBytes).toBeGreaterThan(bytes - 2 * LONGEST_BYTES);
      }
    }
  });

  it("counts the frames that it overwrites before their time, and none whose age a step of the clock hides", () => {
    const ring = new FrameRing(96, 1, 0); // four frames of 8 bytes
    ring.spanUs = 1000;
    const push = (timeUs: number): void =>
      append(ring, { bus: 0, id: 1, flags: 0, data: [1, 2, 3, 4, 5, 6, 7, 8], timeUs });
    for (const timeUs of [0, 300, 600, 900]) push(timeUs);
    expect(ring.overwrittenEarly).toBe(0);
    push(999); // 999 µs after the first
    expect(ring.overwrittenEarly).toBe(1);
    push(1300); // 1000 µs after the second: that is as long as asked
    expect(ring.overwrittenEarly).toBe(1);
    push(600 - 50_001); // set back: how old the third is nobody knows
    expect(ring.overwrittenEarly).toBe(1);
    expect([...ring.newest, ...ring.newestUs]).toEqual([6, 600 - 50_001]);
  });
});
