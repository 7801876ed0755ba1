import { describe, expect, it } from "vitest";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { watchClock } from "../../../../agent/vehicle/time/clock-watch.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

function watched(clock: ManualClock) {
  const log = new MemoryLog();
  let times = 0;
  const steps = new ClockSteps(clock);
  const stops = [watchClock({ clock, log, onSet: () => void (times += 1), steps }), steps.watch()];
  return { log, stop: () => stops.forEach((end) => end()), times: () => times };
}

describe("watchClock", () => {
  it("tells of a step in either direction once, and not of time that passes", () => {
    const clock = new ManualClock();
    const { log, times } = watched(clock);
    clock.advance(60_000);
    expect(times()).toBe(0);
    clock.stepWall(-315_576_000_000_000);
    clock.advance(5000);
    expect(times()).toBe(1);
    clock.stepWall(31_000_000);
    clock.advance(5000);
    expect(times()).toBe(2);
    expect(log.of("clock.set").map(({ facts }) => facts.steppedMs)).toEqual([-315_576_000_000, 31_000]);
  });

  it("leaves the small corrections of a time service alone", () => {
    const clock = new ManualClock();
    const { times } = watched(clock);
    for (let n = 0; n < 100; n++) {
      clock.stepWall(20_000);
      clock.advance(1000);
    }
    expect(times()).toBe(0);
  });

  it("tells when the time becomes known, not when it becomes better or is lost", () => {
    const clock = new ManualClock({ quality: "unsynchronised" });
    const { times, stop } = watched(clock);
    clock.setQuality("rtc");
    clock.advance(1000);
    expect(times()).toBe(1);
    clock.setQuality("ntp");
    clock.advance(1000);
    clock.setQuality("unsynchronised");
    clock.advance(1000);
    expect(times()).toBe(1);
    stop();
    clock.setQuality("ntp");
    clock.advance(1000);
    expect(times()).toBe(1);
  });

  it("says of a suspend that it was one, and tells, since the link has gone in it", () => {
    const clock = new ManualClock();
    const { log, times } = watched(clock);
    clock.suspend(3_600_000);
    clock.advance(1000);
    expect(times()).toBe(1);
    expect(log.of("clock.set")).toEqual([]);
    expect(log.of("clock.resumed").map(({ facts }) => facts.suspendedMs)).toEqual([3_600_000]);
    clock.suspend(2000);
    clock.advance(1000);
    expect(times()).toBe(1);
  });
});
