import { describe, expect, it } from "vitest";
import {
  clockAt,
  isSuspended,
  machineMsFor,
  suspendedMsAt,
  type Timeline,
  vehicleMsAt,
  wallUsAt,
} from "../../../bench/day/timeline.ts";

const LINE: Timeline = {
  startsAtMs: Date.UTC(2026, 5, 1),
  paces: [
    { fromMs: 0, speed: 1 },
    { fromMs: 1000, speed: 60 },
    { fromMs: 61_000, speed: 1200 },
  ],
  clocks: [
    { fromMs: 0, offMs: 0, quality: "ntp" },
    { fromMs: 5000, offMs: -1e9, quality: "unsynchronised" },
    { fromMs: 9000, offMs: 0, quality: "ntp" },
  ],
  bootedAtMs: 5000,
  suspends: [{ fromMs: 6000, toMs: 7000 }, { fromMs: 8000 }],
  waits: false,
};

describe("the timeline of a day", () => {
  it.each([
    [0, 5, 5],
    [995, 10, 1300],
    [60_700, 10, 67_000],
  ])("goes on from a pulse by the paces that hold: %d ms, and %d ms of the machine later %d ms", (from, ms, to) => {
    expect(vehicleMsAt(LINE, { vehicleMs: from, machineMs: 777 }, 777 + ms)).toBeCloseTo(to, 6);
    expect(machineMsFor(LINE, from, to)).toBeCloseTo(ms, 6);
  });

  it("stands when no pulse comes for 10 ms, and before one", () => {
    const pulse = { vehicleMs: 2000, machineMs: 100 };
    expect([99, 100, 110, 111, 5000].map((ms) => vehicleMsAt(LINE, pulse, ms))).toEqual([2000, 2000, 2600, 2600, 2600]);
  });

  it("shows the wall clock as wrong as it is then", () => {
    expect(wallUsAt(LINE, 4999)).toBe((LINE.startsAtMs + 4999) * 1000);
    expect(wallUsAt(LINE, 5000)).toBe((LINE.startsAtMs + 5000 - 1e9) * 1000);
    expect(clockAt(LINE, 9000)).toMatchObject({ offMs: 0, quality: "ntp" });
  });

  it("counts what was suspended, also while it goes on", () => {
    expect([5500, 6500, 7500, 8500].map((ms) => suspendedMsAt(LINE, ms))).toEqual([0, 500, 1000, 1500]);
    expect(isSuspended(LINE)).toBe(true);
    expect(isSuspended({ ...LINE, suspends: LINE.suspends.slice(0, 1) })).toBe(false);
  });
});
