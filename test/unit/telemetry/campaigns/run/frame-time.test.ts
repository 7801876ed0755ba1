import { describe, expect, it } from "vitest";
import { FrameTime } from "../../../../../agent/telemetry/campaigns/run/frame-time.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";

const T0 = 1_767_225_600_000_000;
const YEAR_US = 31_536_000_000_000;

describe("FrameTime", () => {
  it("is the vehicle's time before the first frame, and with frames of its own clock, however late", () => {
    const clock = new ManualClock({ wallUs: T0 });
    const time = new FrameTime(clock);
    expect(time.nowUs()).toBe(T0);
    time.note(T0 - 4_000_000);
    expect(time.nowUs()).toBe(T0);
    time.note(T0 - YEAR_US);
    expect(time.nowUs()).toBe(T0);
    expect(time.isOther).toBe(false);
  });

  it("goes on from the last frame of another clock, whatever becomes of the vehicle's", () => {
    const clock = new ManualClock({ wallUs: T0 });
    const time = new FrameTime(clock);
    time.note(T0 - YEAR_US);
    expect(time.nowUs()).toBe(T0 - YEAR_US);
    clock.advance(1500);
    expect(time.nowUs()).toBe(T0 - YEAR_US + 1_500_000);
    clock.stepWall(3_600_000_000);
    time.wallStepped(3_600_000_000);
    expect(time.nowUs()).toBe(T0 - YEAR_US + 1_500_000);
    expect(time.isOther).toBe(true);
  });

  it("does not take a frame from before a step of the vehicle's clock for one of another", () => {
    const clock = new ManualClock({ wallUs: T0 });
    const time = new FrameTime(clock);
    time.note(T0);
    clock.stepWall(YEAR_US);
    time.wallStepped(YEAR_US);
    expect(time.nowUs()).toBe(T0 + YEAR_US);
    expect(time.isOther).toBe(false);
  });
});
