import { describe, expect, it } from "vitest";
import {
  clockAt,
  isSuspended,
  machineMsAt,
  suspendedMsAt,
  type Timeline,
  vehicleMsAt,
  wallUsAt,
} from "../../../bench/day/timeline.ts";

const LINE: Timeline = {
  startsAtMs: Date.UTC(2026, 5, 1),
  paces: [
    { machineMs: 1000, vehicleMs: 0, speed: 1 },
    { machineMs: 2000, vehicleMs: 1000, speed: 60 },
    { machineMs: 3000, vehicleMs: 61_000, speed: 1200 },
  ],
  clocks: [
    { fromMs: 0, offMs: 0, quality: "ntp" },
    { fromMs: 5000, offMs: -1e9, quality: "unsynchronised" },
    { fromMs: 9000, offMs: 0, quality: "ntp" },
  ],
  bootedAtMs: 5000,
  suspends: [{ fromMs: 6000, toMs: 7000 }, { fromMs: 8000 }],
};

describe("the timeline of a day", () => {
  it.each([
    [1000, 0],
    [1500, 500],
    [2500, 31_000],
    [3001, 62_200],
  ])("is at vehicle time by the pace that holds: machine %d ms, vehicle %d ms, and back", (machineMs, vehicleMs) => {
    expect(vehicleMsAt(LINE, machineMs)).toBe(vehicleMs);
    expect(machineMsAt(LINE, vehicleMs)).toBeCloseTo(machineMs, 6);
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
