import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_PERIOD, periodAt, type UsagePeriod } from "../../../../agent/vehicle/link/usage-period.ts";

const SEED = 1733;
const DAY_MS = 86_400_000;

/** What comes of these readings of the clock, one after the other: whether a period began at each. */
function beginsAt(todays: readonly (number | undefined)[], passedMs = 1000): readonly boolean[] {
  let period: UsagePeriod = NO_PERIOD;
  return todays.map((today) => {
    const next = periodAt(period, today, passedMs, DAY_MS);
    period = next.period;
    return next.begins;
  });
}

describe("periodAt", () => {
  it("begins a period when the next day comes, and not with the first count", () => {
    expect(beginsAt([100, 100, 101, 101, 103])).toEqual([false, false, true, false, true]);
  });

  it("gives nothing new to a clock that goes back, and goes on when it comes again", () => {
    expect(beginsAt([100, 99, 100, 101, 100, 101, 102])).toEqual([false, false, false, true, false, false, true]);
  });

  it("goes on with the days of the calendar after a clock was years ahead for a moment", () => {
    expect(beginsAt([100, 3750, 100, 101, 102])).toEqual([false, true, false, true, true]);
  });

  it("goes on with the count after a boot in 1970", () => {
    expect(beginsAt([20_000, 0, 20_000, 0, 20_001])).toEqual([false, false, false, false, true]);
  });

  it("counts days of running time while no clock is believed, and begins none of them again when one is", () => {
    const halfDay = DAY_MS / 2;
    expect(beginsAt([undefined, undefined, undefined, undefined], halfDay)).toEqual([false, true, false, true]);
    expect(beginsAt([100, undefined, 101, 102], halfDay)).toEqual([false, true, false, true]);
  });

  it("takes the first day that a clock says for the one that was counted before", () => {
    expect(beginsAt([undefined, 100, 101])).toEqual([false, false, true]);
  });

  it("begins no day twice, whatever the clock does, and each one in a walk of days that never goes back", () => {
    const day = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(undefined));
    const property = fc.property(fc.array(day, { maxLength: 39 }), (todays) => {
      // The obvious model: all days that were ever said, in a set.
      const said = new Set<number>();
      const begins = beginsAt(todays, 1);
      todays.forEach((today, at) => {
        if (begins[at]) expect(today !== undefined && !said.has(today)).toBe(true);
        const isLater = today !== undefined && said.size > 0 && [...said].every((one) => one < today);
        if (isLater) expect(begins[at]).toBe(true);
        if (today !== undefined) said.add(today);
      });
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });
});
