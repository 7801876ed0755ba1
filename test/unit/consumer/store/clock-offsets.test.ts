import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Anchor, betterAnchor, shiftOf } from "../../../../agent/consumer/store/clock-offsets.ts";
import { CLOCK_QUALITIES, isBelievable } from "../../../../agent/core/clock.ts";

const SEED = 15;
const TRUE_OFFSET_US = 1_767_225_600_000_000;

const anchor = fc.record({
  monotonicUs: fc.integer({ min: 0, max: 20 }).map((second) => second * 1_000_000),
  wallUs: fc.integer({ min: 0, max: 20 }).map((second) => second * 1_000_000),
  quality: fc.constantFrom(...CLOCK_QUALITIES),
});

const RANK = { unsynchronised: 0, saved: 1, rtc: 2, ntp: 3, gps: 4 };

/**
 * The rule in words, from all anchors of the boot: of the best quality that was ever reached the first moment, but of those after it only what
 * is not believable.
 */
function shiftByHand(own: Anchor, all: readonly Anchor[]): { shiftUs: number; quality: string } {
  for (const quality of CLOCK_QUALITIES.toReversed()) {
    if (quality === own.quality) break;
    const of = all.filter((one) => one.quality === quality);
    if (of.length === 0) continue;
    const firstUs = Math.min(...of.map(({ monotonicUs }) => monotonicUs));
    const wallUs = Math.min(...of.filter(({ monotonicUs }) => monotonicUs === firstUs).map((one) => one.wallUs));
    if (firstUs < own.monotonicUs && isBelievable(own.quality)) break;
    if (RANK[quality] <= RANK[own.quality]) break;
    return { shiftUs: wallUs - firstUs - (own.wallUs - own.monotonicUs), quality };
  }
  return { shiftUs: 0, quality: own.quality };
}

describe("shiftOf", () => {
  it("shifts by the first anchor of the best quality, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(anchor, { minLength: 1, maxLength: 8 }), (anchors) => {
        const best = anchors.reduce(betterAnchor);
        expect(anchors.toReversed().reduce(betterAnchor)).toEqual(best);
        for (const own of anchors) expect(shiftOf(own, best)).toMatchObject(shiftByHand(own, anchors));
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });

  it("gives the true time to all records of a boot without a clock, once the time is known", () => {
    // A car that starts in 1970 and whose clock is set after a minute; times before are wrong by the same offset.
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 59_999_999 }), { minLength: 1, maxLength: 20 }), (moments) => {
        const before = moments.map(
          (monotonicUs): Anchor => ({ monotonicUs, wallUs: monotonicUs, quality: "unsynchronised" }),
        );
        const set: Anchor = { monotonicUs: 60_000_000, wallUs: TRUE_OFFSET_US + 60_000_000, quality: "ntp" };
        const best = [...before, set].reduce(betterAnchor);
        for (const own of before) {
          expect(own.wallUs + shiftOf(own, best).shiftUs).toBe(TRUE_OFFSET_US + own.monotonicUs);
          expect(shiftOf(own, undefined)).toMatchObject({ shiftUs: 0, quality: "unsynchronised" });
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("leaves what a clock said that went on from the right time, and shifts what one said that somebody has set", () => {
    const set: Anchor = { monotonicUs: 60_000_000, wallUs: TRUE_OFFSET_US + 60_000_000, quality: "ntp" };
    const later = { monotonicUs: 61_000_000, wallUs: TRUE_OFFSET_US + 3_661_000_000 };
    const held: Anchor = { ...later, quality: "rtc" };
    expect(shiftOf(held, betterAnchor(set, held))).toMatchObject({ shiftUs: 0, quality: "rtc", basis: "clock" });
    const wrong: Anchor = { ...later, quality: "unsynchronised" };
    const shift = { shiftUs: -3_600_000_000, quality: "ntp", basis: "corrected" };
    expect(shiftOf(wrong, betterAnchor(set, wrong))).toMatchObject(shift);
  });

  it("takes no suspend for a step: wall time and the time since the boot go on together", () => {
    const set: Anchor = { monotonicUs: 60_000_000, wallUs: TRUE_OFFSET_US + 60_000_000, quality: "ntp" };
    const wallUs = TRUE_OFFSET_US + 3_661_000_000;
    const resumed: Anchor = { monotonicUs: 61_000_000, suspendedUs: 3_600_000_000, wallUs, quality: "unsynchronised" };
    expect(shiftOf(resumed, betterAnchor(set, resumed))).toMatchObject({ shiftUs: 0, quality: "ntp", basis: "clock" });
  });
});
