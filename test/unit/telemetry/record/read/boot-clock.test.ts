import { describe, expect, it } from "vitest";
import type { ClockQuality } from "../../../../../agent/core/clock.ts";
import { BootClock } from "../../../../../agent/telemetry/record/read/boot-clock.ts";
import { correctionOf } from "../../../../../agent/telemetry/record/read/correct-times.ts";
import type { RecordAnchor } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { ClockedVehicle } from "../../../../fakes/telemetry/clocked-vehicle.ts";

const NEW_YEAR_US = 1_767_225_600_000_000;
const TEN_MINUTES_US = 600_000_000;
const DRIFT = 50e-6;

/** What is known of a boot after records with these anchors. */
function learnt(anchors: readonly RecordAnchor[]): BootClock {
  const vehicle = new ClockedVehicle(NEW_YEAR_US);
  vehicle.boot({ wallUs: NEW_YEAR_US, quality: "ntp" });
  vehicle.frame(0);
  const [record] = vehicle.records();
  const boot = new BootClock();
  for (const anchor of anchors) {
    boot.learn({ ...record, anchor });
    expect(boot.truths.length).toBeLessThanOrEqual(256);
  }
  return boot;
}

describe("BootClock", () => {
  it("knows the time of all of a boot that lasts for six weeks, in whatever order records come", () => {
    const all = Array.from({ length: 42 * 144 }, (_, at): RecordAnchor => {
      const wallUs = NEW_YEAR_US + at * TEN_MINUTES_US;
      return { monotonicUs: Math.round(at * TEN_MINUTES_US * (1 + DRIFT)), wallUs, quality: "ntp" };
    });
    const isLost = (at: number): boolean => at % 1000 >= 990;
    const right = all.filter((_, at) => !isLost(at));
    for (const anchors of [right, right.toReversed()]) {
      const { truths } = learnt(anchors);
      for (const { monotonicUs, wallUs } of all.filter((_, at) => isLost(at))) {
        const correction = correctionOf({ monotonicUs, wallUs: 0, quality: "unsynchronised" }, truths);
        expect(correction.basis).toBe("corrected");
        expect(Math.abs(correction.shiftUs - wallUs)).toBeLessThanOrEqual(10_000);
        expect(correction.errorMs).toBeLessThanOrEqual(1500);
      }
    }
  });

  it("keeps a bounded number of moments of a clock that is set all the time, over all of the boot, and the best of them", () => {
    const quality = (second: number): ClockQuality => (second === 4000 ? "gps" : "ntp");
    const anchors = Array.from({ length: 5000 }, (_, second): RecordAnchor => {
      const wallUs = NEW_YEAR_US + (second % 7) * 1e12 + second * 1e6;
      return { monotonicUs: second * 1e6, wallUs, quality: quality(second) };
    });
    const { truths } = learnt(anchors);
    const seconds = truths.map(({ monotonicUs }) => monotonicUs / 1e6);
    expect(Math.min(...seconds)).toBe(0);
    expect(Math.max(...seconds)).toBeGreaterThan(4500);
    expect(truths.filter((truth) => truth.quality === "gps")).toHaveLength(1);
  });
});
