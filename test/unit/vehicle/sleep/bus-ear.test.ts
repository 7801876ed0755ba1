import { expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { BusEar } from "../../../../agent/vehicle/sleep/bus-ear.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

function listening() {
  const clock = new ManualClock();
  const ear = new BusEar(clock, 1000);
  const sink = ear.besides("can0", { onFrames: () => undefined, onState: () => undefined });
  const frame = (flags = 0): void => {
    const batch = new FrameBatch(1);
    batch.push(0x123, flags, Uint8Array.of(1), clock.wallUs());
    sink.onFrames(batch);
  };
  ear.hear();
  return { clock, ear, frame };
}

it("counts from the last frame of a bus that woke up, with the time of a suspend", async () => {
  const { clock, ear, frame } = listening();
  await clock.run(1000);
  frame();
  await clock.run(300);
  expect(ear.sinceFrameMs("can0")).toBe(300);
  frame();
  clock.suspend(60_000);
  expect(ear.sinceFrameMs("can0")).toBe(60_000);
});

it("counts from the last frame of a bus that never fell silent, too", async () => {
  const { clock, ear, frame } = listening();
  await clock.run(500);
  frame();
  await clock.run(700);
  expect([ear.sinceFrameMs("can0"), [...ear.firstFrames()]]).toEqual([700, []]);
});

it("counts no error frame, and knows nothing of a bus without a frame", async () => {
  const { clock, ear, frame } = listening();
  await clock.run(5000);
  frame(FRAME_FLAG.error);
  expect(["can0", "can1"].map((bus) => ear.sinceFrameMs(bus))).toEqual([Infinity, Infinity]);
});

it("forgets what was spoken before the next sleep", async () => {
  const { clock, ear, frame } = listening();
  await clock.run(1000);
  frame();
  ear.hear();
  expect(ear.sinceFrameMs("can0")).toBe(Infinity);
});
