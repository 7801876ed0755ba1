import { describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../../agent/ports/frame.ts";
import type { Interest } from "../../../agent/signals/wanted-signals.ts";
import { FrameCapture } from "../../../agent/telemetry/frame-capture.ts";
import { FrameLog } from "../../../agent/telemetry/record/encode/frames.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const MAX_BYTES = 4096;
const reader = createRecordReader(readDescriptor());

function setUp() {
  const drafts: EncodedDraft[] = [];
  const encoder = encoderOf(tableOf([]), { maxPayloadBytes: MAX_BYTES });
  const capture = new FrameCapture(encoder, { add: (draft) => void drafts.push(draft), store: () => undefined });
  const payloads = () => drafts.map((draft, at) => draft.seal(idOf(at + 1, "capture")));
  const bodies = () => payloads().map((payload) => reader.decode(payload).body);
  return {
    capture,
    drafts,
    payloads,
    frames: () => bodies().flatMap((body) => (body.kind === "frames" ? [body] : [])),
  };
}

function batchOf(frames: readonly CanFrame[]): FrameBatch {
  const batch = new FrameBatch(Math.max(1, frames.length));
  for (const { id, flags, data, receivedAtUs } of frames) batch.push(id, flags, data, receivedAtUs);
  return batch;
}

/** Frames of every kind, times that step back included. */
function randomFrames(count: number): readonly CanFrame[] {
  const random = seededRandom(7);
  const pick = (below: number): number => Math.floor(random() * below);
  return Array.from({ length: count }, () => {
    const isFd = random() < 0.3;
    const data = Uint8Array.from({ length: pick(isFd ? 65 : 9) }, () => pick(256));
    const flags = (isFd ? FRAME_FLAG.fd : 0) | (random() < 0.5 ? FRAME_FLAG.extended : 0);
    return { id: pick(2 ** 29), flags, data, receivedAtUs: T0 + pick(1_000_000_000) };
  });
}

describe("a capture of frames", () => {
  it("has every frame of its bus received, for as long as it is on", () => {
    const held = new Set<string>();
    const wanted = {
      everyFrame: (bus: string | undefined) => ({ signals: [], frames: [{ bus: bus ?? "all", filters: EVERY_FRAME }] }),
      hold: (_name: string, { frames }: Interest) => {
        const buses = frames.map(({ bus }) => bus).join();
        held.add(buses);
        return () => void held.delete(buses);
      },
    };
    const capture = new FrameCapture(encoderOf(tableOf([])), { add: () => undefined, store: () => undefined }, wanted);
    capture.start({ id: "c", bus: "can1", maxFrames: 10 });
    expect([...held]).toEqual(["can1"]);
    capture.start({ id: "d", bus: undefined, maxFrames: 10 });
    expect([...held]).toEqual(["all"]);
    capture.stop();
    capture.stop();
    expect([...held]).toEqual([]);
  });

  it("gives back every frame byte by byte, bus by bus, and no record beyond the limit", () => {
    const { capture, payloads, frames } = setUp();
    const all = randomFrames(3000);
    capture.start({ id: "c-1", bus: undefined, maxFrames: 10_000 });
    for (let from = 0; from < all.length; from += 100) {
      capture.take(from % 200 === 0 ? "can0" : "can1", batchOf(all.slice(from, from + 100)), 0, 100);
    }
    const summary = capture.stop();
    expect(summary).toEqual({ frames: 3000, discarded: 0, records: frames().length });
    expect(payloads().every(({ length }) => length <= MAX_BYTES)).toBe(true);
    for (const [bus, parity] of [
      ["can0", 0],
      ["can1", 1],
    ] as const) {
      const expected = all.filter((_, at) => Math.floor(at / 100) % 2 === parity);
      expect(
        frames()
          .filter((one) => one.bus === bus)
          .flatMap((one) => one.frames),
      ).toEqual(expected);
    }
    expect(new Set(frames().map((one) => one.capture))).toEqual(new Set(["c-1"]));
  });

  it("keeps so many frames and counts the others, takes one bus where that was asked for, and nothing when it is off", () => {
    const { capture, drafts, frames } = setUp();
    capture.take("can0", batchOf(randomFrames(5)), 0, 5);
    expect([capture.isOn, capture.stop(), drafts.length]).toEqual([false, undefined, 0]);
    capture.start({ id: "c-2", bus: "can1", maxFrames: 3 });
    capture.take("can0", batchOf(randomFrames(5)), 0, 5);
    capture.take("can1", batchOf(randomFrames(5)), 0, 5);
    expect(capture.isOn).toBe(true);
    expect(capture.stop()).toEqual({ frames: 3, discarded: 2, records: 1 });
    expect(frames().map(({ bus }) => bus)).toEqual(["can1"]);
    capture.start({ id: "c-3", bus: undefined, maxFrames: 3 });
    expect(capture.stop()).toEqual({ frames: 0, discarded: 0, records: 0 });
    expect(drafts).toHaveLength(1);
  });
});

describe("frames of a campaign", () => {
  it("name campaign and trigger, and no record with the longest names is beyond the limit", () => {
    const encoder = encoderOf(tableOf([]), { maxPayloadBytes: MAX_BYTES });
    const campaign = { id: "c".repeat(64), version: 2 ** 32 - 1, digest: "0123456789abcdef" };
    const log = new FrameLog("n".repeat(64), "b".repeat(32), encoder.maxBodyBytes);
    // Of each frame everything but its data takes the most bytes that it can.
    for (let at = 0; !log.isFull; at++) log.take(new Uint8Array(0), 0, 0, 2 ** 29 - 1, 63, at % 2 === 0 ? 0 : 2 ** 52);
    const payload = encoder.frames(log, { campaign, trigger: 2 ** 52 }).seal(idOf(2 ** 53 - 1, "capture"));
    expect(payload.length).toBeLessThanOrEqual(MAX_BYTES);
    expect(reader.decode(payload).body).toMatchObject({ kind: "frames", campaign, trigger: 2 ** 52 });
    expect(reader.decode(encoder.frames(log).seal(idOf(1, "capture"))).body).not.toHaveProperty("campaign.id");
  });
});
