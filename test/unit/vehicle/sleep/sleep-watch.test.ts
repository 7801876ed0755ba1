import { describe, expect, it } from "vitest";
import { type SleptTime, watchForSleep } from "../../../../agent/vehicle/sleep/sleep-watch.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

function watched() {
  const clock = new ManualClock();
  const slept: SleptTime[] = [];
  const cpu = { ms: 0 };
  const steps = new ClockSteps(clock);
  const stopLooking = steps.watch();
  const stop = watchForSleep({ steps, cpuMs: () => cpu.ms }, (time) => slept.push(time));
  return { clock, steps, slept, cpu, stop, stopLooking };
}

describe("watchForSleep", () => {
  it("finds a suspend within a quarter of a second of the wake, once", () => {
    const { clock, slept } = watched();
    clock.advance(10_000);
    clock.suspend(3_600_000);
    clock.advance(250);
    expect(slept).toEqual([{ kind: "suspended", ms: 3_600_000 }]);
    clock.advance(10_000);
    expect(slept).toHaveLength(1);
  });

  it("does not take a blink, a step of the wall clock or a busy process for a sleep", () => {
    const { clock, slept } = watched();
    clock.suspend(999);
    clock.advance(1000);
    clock.stepWall(86_400_000_000);
    clock.stepWall(-3 * 86_400_000_000);
    clock.advance(1000);
    clock.stall(2400);
    clock.advance(1000);
    expect(slept).toEqual([]);
  });

  it("finds that the process was stopped by how late its own timer is", () => {
    const { clock, slept } = watched();
    clock.advance(250);
    clock.stall(5000);
    clock.advance(0);
    expect(slept).toEqual([{ kind: "stopped", ms: 4750 }]);
  });

  it("finds both once, however often others ask for the clock besides", () => {
    const { clock, steps, slept } = watched();
    clock.advance(200);
    steps.sinceStepMs();
    clock.stall(5000);
    steps.sinceStepMs();
    clock.advance(100);
    clock.suspend(60_000);
    steps.sinceStepMs();
    clock.advance(1000);
    expect(slept).toEqual([
      { kind: "stopped", ms: 4750 },
      { kind: "suspended", ms: 60_000 },
    ]);
  });

  it("does not take a process for stopped that used the CPU meanwhile, on a machine with too little of it", () => {
    const { clock, slept, cpu } = watched();
    clock.advance(250);
    clock.stall(5000);
    cpu.ms += 251;
    clock.advance(0);
    expect(slept).toEqual([]);
    clock.stall(5000);
    cpu.ms += 250;
    clock.advance(0);
    expect(slept).toEqual([{ kind: "stopped", ms: 4750 }]);
  });

  it("looks no more once it is ended", () => {
    const { clock, slept, stop, stopLooking } = watched();
    stop();
    clock.suspend(60_000);
    clock.advance(60_000);
    expect(slept).toEqual([]);
    stopLooking();
    expect(clock.waiting()).toBe(0);
  });
});
