import { describe, expect, it } from "vitest";
import { odometerOf } from "../../../agent/vehicle/odometer.ts";
import { FakeSignals } from "../../fakes/commands/vehicle-signals.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

describe("odometerOf", () => {
  const table = tableOf([
    { name: "VD", signals: [{ name: "Total", unit: "km", factor: 0.125, spn: 245, bits: 32 }] },
    { name: "VDHR", signals: [{ name: "TotalHigh", unit: "m", factor: 5, spn: 917, bits: 32 }] },
    { name: "Dash", signals: [{ name: "Miles", unit: "mi" }] },
  ]);

  it("finds the finest distance by its SPN, in km, and has it decoded", () => {
    const fake = new FakeSignals(table);
    const odometerKm = odometerOf(fake.signals, undefined, "diagnostics.codes.odometer");
    expect([...fake.held]).toEqual(["odometer: VDHR.TotalHigh"]);
    expect(odometerKm()).toBeUndefined();
    fake.set("VDHR.TotalHigh", 24_000_000, 5);
    expect(odometerKm()).toBe(120_000);
  });

  it("goes by the signal that is named, in the unit that it has", () => {
    const fake = new FakeSignals(table);
    const odometerKm = odometerOf(fake.signals, "Dash.Miles", "diagnostics.codes.odometer");
    fake.set("Dash.Miles", 1000, 5);
    expect(odometerKm()).toBeCloseTo(1609.344, 6);
  });

  it("finds that of OBD-II, and nothing where there is none", () => {
    const obd = new FakeSignals(
      tableOf([{ name: "obd.engine", carriage: "pdus", signals: [{ name: "odometer", unit: "km", factor: 0.1 }] }]),
    );
    const odometerKm = odometerOf(obd.signals, undefined, "diagnostics.codes.odometer");
    obd.set("obd.engine.odometer", 1234, 5);
    expect(odometerKm()).toBeCloseTo(123.4, 6);
    expect(odometerOf(new FakeSignals(tableOf([])).signals, undefined, "diagnostics.codes.odometer")()).toBeUndefined();
  });

  it("refuses a name that is no signal", () => {
    expect(() => odometerOf(new FakeSignals(table).signals, "Dash.Kilometres", "diagnostics.codes.odometer")).toThrow(
      "diagnostics.codes.odometer",
    );
  });
});
