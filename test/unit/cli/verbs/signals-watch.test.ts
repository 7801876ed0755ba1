import { describe, expect, it } from "vitest";
import { page } from "../../../../agent/cli/verbs/signals-watch.ts";
import type { SignalsSnapshot } from "../../../../agent/local-api/signals-schema.ts";

const GEAR = {
  bus: "can0",
  message: "Gearbox",
  id: 0x100,
  extended: false,
  name: "Gear",
  unit: "",
  raw: 3,
  physical: 3,
  ageMs: 12,
};

function snapshot(...signals: SignalsSnapshot["signals"]): SignalsSnapshot {
  return { schemaVersion: 1, t: 0, signals, derived: [] };
}

describe("causeway signals watch", () => {
  it("shows the text of a value in place of its unit", () => {
    const speed = { ...GEAR, name: "Speed", unit: "km/h", physical: 51.5 };
    const lines = page(snapshot({ ...GEAR, text: "Drive" }, speed), undefined).split("\n");
    expect(lines[0]).toMatch(/^Gearbox\.Gear +3 "Drive" +12 ms$/);
    expect(lines[1]).toMatch(/^Gearbox\.Speed +51\.5 km\/h +12 ms$/);
  });

  it("shows a state in the place of the number", () => {
    const { physical: _, ...gear } = GEAR;
    const [line] = page(snapshot({ ...gear, raw: 255, state: "not available" }), undefined).split("\n");
    expect(line).toMatch(/^Gearbox\.Gear +not available +12 ms$/);
  });

  it("shows derived signals with the campaign that works them out", () => {
    const derived = [{ campaign: "braking", name: "power", unit: "kW", value: 12.5, ageMs: 40 }];
    const [line] = page({ ...snapshot(), derived }, undefined).split("\n");
    expect(line).toMatch(/^braking\/power +12\.5 kW +40 ms$/);
  });

  it("keeps within 80 columns of a terminal, whole elsewhere, and lets no text steer it", () => {
    const long = { ...GEAR, text: "Signal not available\u001b[2J" };
    const [shown] = page(snapshot(long), 24).split("\n");
    expect(shown.slice("\u001b[H\u001b[2J".length)).toMatch(/^.{59} "Signal not… 12 ms$/);
    expect(page(snapshot(long), undefined)).toContain('3 "Signal not available?[2J" 12 ms');
  });
});
