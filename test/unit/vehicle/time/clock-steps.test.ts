import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClockLook, ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const SEED = 17;

/** Pauses once when it has read the wall time. */
class BusyClock extends ManualClock {
  pauseMs = 0;

  override wallUs(): number {
    const { pauseMs } = this;
    const us = super.wallUs();
    this.pauseMs = 0;
    if (pauseMs > 0) this.stall(pauseMs);
    return us;
  }
}

const event = fc.oneof(
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ kind: fc.constant("suspend" as const), ms: fc.integer({ min: 1, max: 100_000_000 }) }),
  fc.record({ kind: fc.constant("step" as const), ms: fc.integer({ min: -1e12, max: 1e12 }) }),
);

describe("ClockSteps", () => {
  it("adds up to what the clock was set and the machine slept, whatever comes when", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const clock = new ManualClock();
        const steps = new ClockSteps(clock);
        const looks: ClockLook[] = [];
        steps.onLook((look) => looks.push(look));
        const end = steps.watch();
        let [steppedMs, suspendedMs, sinceStepMs] = [0, 0, Number.POSITIVE_INFINITY];
        for (const { kind, ms } of events) {
          if (kind === "pass") {
            clock.advance(ms);
            sinceStepMs += ms;
            continue;
          }
          if (kind === "suspend") clock.suspend(ms);
          else clock.stepWall(ms * 1000);
          const isStep = kind === "step" && Math.abs(ms) > 50;
          if (isStep) sinceStepMs = 0;
          // Asked as a gate asks, between the regular looks.
          expect(steps.sinceStepMs()).toBeCloseTo(sinceStepMs, 3);
          if (isStep) steppedMs += ms;
          if (kind === "suspend") suspendedMs += ms;
        }
        clock.advance(250);
        end();
        expect(looks.reduce((sum, look) => sum + look.steppedMs, 0)).toBeCloseTo(steppedMs, 2);
        expect(looks.reduce((sum, look) => sum + look.suspendedMs, 0)).toBeCloseTo(suspendedMs, 3);
        expect(clock.waiting()).toBe(0);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("takes neither a slow start nor a pause between two clocks for anything that happened", () => {
    const clock = new BusyClock();
    const steps = new ClockSteps(clock);
    const looks: ClockLook[] = [];
    steps.onLook((look) => looks.push(look));
    clock.advance(5000);
    steps.watch();
    clock.advance(240);
    clock.pauseMs = 60;
    clock.advance(10);
    clock.advance(250);
    expect(looks.map(({ steppedMs }) => steppedMs)).toEqual([0, 0]);
    expect(Math.max(...looks.map(({ passedMs }) => passedMs))).toBeLessThan(400);
  });

  it("looks four times a second, so that a step and its way back are both seen", () => {
    const clock = new ManualClock();
    const steps = new ClockSteps(clock);
    const seen: number[] = [];
    steps.onLook(({ steppedMs }) => void (steppedMs !== 0 && seen.push(Math.round(steppedMs))));
    steps.watch();
    clock.stepWall(10_000_000);
    clock.advance(260);
    clock.stepWall(-10_000_000);
    clock.advance(260);
    expect(seen).toEqual([10_000, -10_000]);
    clock.stepWall(49_000);
    clock.advance(260);
    expect(seen).toHaveLength(2);
    expect(steps.counts()).toEqual({ forward: 1, back: 1 });
  });
});
