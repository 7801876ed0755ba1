import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatteryGuard, GUARD_LEVELS, type GuardLevel } from "../../../../agent/vehicle/sleep/battery-guard.ts";

const SEED = 18;
const SETTINGS = {
  savingBelowVolts: 12.2,
  guardedBelowVolts: 11.8,
  riseVolts: 0.4,
  forSeconds: 60,
  afterParkedHours: 48,
  noneAfterHours: 240,
};
const HOUR_MS = 3_600_000;

/** A guard that is shown one voltage a second. */
function guarded(kept?: GuardLevel) {
  const guard = new BatteryGuard(SETTINGS, kept);
  let nowMs = 1000;
  const show = (volts: number | undefined, seconds: number, isDriving = false): GuardLevel => {
    let level: GuardLevel = "normal";
    for (let second = 0; second < seconds; second++) {
      nowMs += 1000;
      level = guard.look({ nowMs, volts, isDriving, parkedMs: 0 });
    }
    return level;
  };
  return { guard, show, pause: (ms: number) => void (nowMs += ms) };
}

describe("BatteryGuard", () => {
  it("saves only when the voltage is low for as long as it says, and not for an engine that starts", () => {
    const { show } = guarded();
    expect(show(9.5, 5)).toBe("normal");
    expect(show(12.8, 1)).toBe("normal");
    expect(show(12.1, 60)).toBe("normal");
    expect(show(12.1, 1)).toBe("saving");
    expect(show(11.7, 61)).toBe("guarded");
  });

  it("is better only above the threshold by the rise, as a battery without load recovers by itself", () => {
    const { show } = guarded();
    show(11.7, 61);
    show(11.7, 61);
    expect(show(12.1, 600)).toBe("guarded");
    expect(show(12.25, 61)).toBe("saving");
    expect(show(12.55, 600)).toBe("saving");
    expect(show(12.65, 61)).toBe("normal");
  });

  it("gets worse by one level for a voltage that flaps around the lower threshold", () => {
    const { show } = guarded();
    for (let second = 0; second < 70; second++) show(second % 2 === 0 ? 11.7 : 12.0, 1);
    expect(show(12.0, 1)).toBe("saving");
  });

  it("lets no time count in which nothing was measured: not silence, not a sleep", () => {
    const { show, pause } = guarded();
    show(12.0, 30);
    pause(HOUR_MS);
    expect(show(12.0, 30)).toBe("normal");
    expect(show(undefined, 5)).toBe("normal");
  });

  it("does not judge the voltage of an alternator, and forgets a weak battery once it has driven", () => {
    const { show } = guarded();
    expect(show(11.9, 300, true)).toBe("normal");
    show(12.0, 61);
    expect(show(12.0, 1)).toBe("saving");
    expect(show(11.9, 30, true)).toBe("saving");
    expect(show(11.9, 31, true)).toBe("normal");
  });

  it("goes by the hours parked too, whichever is worse, and by what was kept", () => {
    const guard = new BatteryGuard(SETTINGS);
    const after = (hours: number): GuardLevel =>
      guard.look({ nowMs: 1000, volts: undefined, isDriving: false, parkedMs: hours * HOUR_MS });
    expect([after(47.9), after(48), after(239), after(240)]).toEqual(["normal", "saving", "saving", "guarded"]);
    const { show, guard: again } = guarded("guarded");
    expect(show(12.0, 600)).toBe("guarded");
    expect(again.byVolts).toBe("guarded");
  });

  it("guards nothing without settings, whatever was kept of earlier ones", () => {
    const guard = new BatteryGuard(undefined, "guarded");
    const look = { nowMs: 1000, volts: undefined, isDriving: false, parkedMs: 1000 * HOUR_MS };
    expect([guard.look(look), guard.byVolts]).toEqual(["normal", "normal"]);
  });

  it(`is never worse than the lowest voltage of the last minute asks for, nor better than the highest (seed ${SEED})`, () => {
    const bare = (volts: number): number => (volts < 11.8 ? 2 : volts < 12.2 ? 1 : 0);
    const risen = (volts: number): number => (volts < 12.2 ? 2 : volts < 12.6 ? 1 : 0);
    const volts = fc.array(fc.tuple(fc.double({ min: 11, max: 13.5, noNaN: true }), fc.integer({ min: 1, max: 90 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(volts, (pieces) => {
        const guard = new BatteryGuard(SETTINGS);
        const shown: number[] = [];
        let level = 0;
        for (const value of pieces.flatMap(([v, seconds]) => Array.from({ length: seconds }, () => v))) {
          shown.push(value);
          const now = GUARD_LEVELS.indexOf(
            guard.look({ nowMs: shown.length * 1000, volts: value, isDriving: false, parkedMs: 0 }),
          );
          const minute = shown.slice(-61);
          if (now > level) expect([minute.length, Math.min(...minute.map(bare))]).toEqual([61, now]);
          if (now < level) expect([minute.length, Math.max(...minute.map(risen))]).toEqual([61, now]);
          level = now;
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
