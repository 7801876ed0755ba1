import { describe, expect, it } from "vitest";
import { IgnitionDebounce } from "../../../../agent/vehicle/state/debounce.ts";
import type { IgnitionReading } from "../../../../agent/vehicle/state/ignition.ts";

const TIMES = { onMs: 500, offMs: 5000, silentMs: 30_000 };

function rig(isOn: boolean, times = TIMES) {
  const debounce = new IgnitionDebounce(times, { isOn, why: "kept" });
  return (kind: IgnitionReading["kind"], atMs: number) => {
    debounce.take({ kind, why: kind }, atMs);
    return debounce.level;
  };
}

describe("IgnitionDebounce", () => {
  it("goes on when every reading of the time says so", () => {
    const take = rig(false);
    expect(take("on", 0).isOn).toBe(false);
    expect(take("on", 499).isOn).toBe(false);
    expect(take("on", 500)).toEqual({ isOn: true, why: "on" });
  });

  it("does not go on for a reading that a silence or an off follows", () => {
    for (const between of ["unknown", "off"] as const) {
      const take = rig(false);
      take("on", 0);
      take(between, 250);
      expect(take("on", 600).isOn).toBe(false);
      expect(take("on", 1100).isOn).toBe(true);
    }
  });

  it("goes off by its last word though the bus falls asleep after it", () => {
    const take = rig(true);
    take("off", 0);
    expect(take("unknown", 4999).isOn).toBe(true);
    expect(take("unknown", 5000)).toEqual({ isOn: false, why: "off" });
  });

  it("does not go off when it comes back within the time", () => {
    const take = rig(true);
    take("off", 0);
    take("on", 4999);
    expect(take("off", 5000).isOn).toBe(true);
    expect(take("off", 9999).isOn).toBe(true);
    expect(take("off", 10_000).isOn).toBe(false);
  });

  it("holds what it was over a silence, and goes off when that is long", () => {
    const take = rig(true);
    take("on", 1000);
    expect(take("unknown", 30_999).isOn).toBe(true);
    expect(take("unknown", 31_000)).toEqual({ isOn: false, why: "not known for 30 s: unknown" });
    expect(take("unknown", 90_000).isOn).toBe(false);
  });

  it("counts the silence from its own start where nothing was ever heard", () => {
    const take = rig(true);
    expect(take("unknown", 1_000_000).isOn).toBe(true);
    expect(take("unknown", 1_029_999).isOn).toBe(true);
    expect(take("unknown", 1_030_000).isOn).toBe(false);
  });

  it("goes off by a time that ended while nobody looked, though it is on by then", () => {
    for (const last of ["off", "unknown"] as const) {
      const take = rig(true);
      take("on", 0);
      take(last, 1000);
      expect(take("on", 8 * 3_600_000).isOn).toBe(false);
      expect(take("on", 8 * 3_600_000 + 500).isOn).toBe(true);
    }
    const take = rig(true);
    take("on", 0);
    expect(take("on", 8 * 3_600_000).isOn).toBe(true);
  });

  it("changes at once where no time is asked for", () => {
    const take = rig(false, { onMs: 0, offMs: 0, silentMs: 0 });
    expect(take("on", 0).isOn).toBe(true);
    expect(take("off", 1).isOn).toBe(false);
    expect(take("on", 2).isOn).toBe(true);
    expect(take("unknown", 2).isOn).toBe(false);
  });
});
