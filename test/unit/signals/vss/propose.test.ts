import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { SignalEntry } from "../../../../agent/signals/signal-entry.ts";
import { type Proposals, proposePaths } from "../../../../agent/signals/vss/propose.ts";
import type { VssLeaf } from "../../../../agent/signals/vss/vss-tree.ts";

function leaf(path: string, unit = "", datatype = "float"): VssLeaf {
  return { path, unit, datatype, description: "", dbc: undefined, place: [] };
}

// Paths of release 6.0.
const LEAVES = [
  leaf("Vehicle.Speed", "km/h"),
  leaf("Vehicle.TraveledDistance", "m", "uint32"),
  leaf("Vehicle.Powertrain.CombustionEngine.Speed", "rpm"),
  leaf("Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature", "Celsius"),
  leaf("Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature", "Celsius"),
  leaf("Vehicle.Powertrain.FuelSystem.RelativeLevel", "percent", "uint8"),
  leaf("Vehicle.Powertrain.TractionBattery.StateOfCharge.Current", "percent"),
  leaf("Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed", "km/h"),
  leaf("Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed", "km/h"),
  leaf("Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed", "km/h"),
  leaf("Vehicle.Chassis.SteeringWheel.Angle", "degrees", "int16"),
  leaf("Vehicle.Chassis.ParkingBrake.IsEngaged", "", "boolean"),
  leaf("Vehicle.Cabin.Door.Row1.DriverSide.IsOpen", "", "boolean"),
  leaf("Vehicle.Exterior.AirTemperature", "Celsius"),
];

type Spec = readonly [message: string, signal: string, unit: string, bits?: number];

function signalsOf(specs: readonly Spec[]): readonly SignalEntry[] {
  const lines = specs.map(([message, signal, unit, bits = 16], at) => {
    return `BO_ ${at + 1} ${message}: 8 X\n SG_ ${signal} : 0|${bits}@1+ (1,0) [0|0] "${unit}" X\n`;
  });
  return createSignalTable([{ bus: "b", database: parseDbc(lines.join("")).database }]).signals;
}

function brief({ proposed, twoUnits, unmapped }: Proposals): Readonly<Record<string, string>> {
  const rows: (readonly [string, string])[] = [
    ...proposed.map(({ signal, candidate }) => [signal.name, candidate.leaf.path] as const),
    ...twoUnits.map(({ signal, candidate }) => [signal.name, `two units: ${candidate.leaf.path}`] as const),
    ...unmapped.map(({ signal }) => [signal.name, "none"] as const),
  ];
  return Object.fromEntries(rows);
}

describe("proposePaths", () => {
  it("finds what abbreviations of real files mean", () => {
    const specs: readonly Spec[] = [
      ["Speed1", "VehSpd", "mph"],
      ["Cluster", "OdometerKm", "km"],
      ["EngineData", "EngRPM", "1/min"],
      ["EngineData", "CoolantTemp", "degC"],
      ["EngineData", "OilTmp", "degF"],
      ["Cluster", "FuelLvl", "%"],
      ["HVBattery", "BatterySOC", "%"],
      ["WheelSpeeds", "WhlSpdFL", "kph"],
      ["WheelSpeeds", "WhlSpdFR", "kph"],
      ["WheelSpeeds", "WhlSpdRL", "kph"],
      ["Steering", "SteeringWheelAngle", "deg"],
      ["Brakes", "ParkBrakeEngaged", "", 1],
      ["Body", "DriverDoorOpen", "", 1],
      ["Body", "XqzCounter", "", 4],
    ];
    expect(brief(proposePaths(signalsOf(specs), LEAVES, 0.5))).toEqual({
      VehSpd: "Vehicle.Speed",
      OdometerKm: "Vehicle.TraveledDistance",
      EngRPM: "Vehicle.Powertrain.CombustionEngine.Speed",
      CoolantTemp: "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature",
      OilTmp: "Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature",
      FuelLvl: "Vehicle.Powertrain.FuelSystem.RelativeLevel",
      BatterySOC: "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current",
      WhlSpdFL: "Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed",
      WhlSpdFR: "Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed",
      WhlSpdRL: "Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed",
      SteeringWheelAngle: "Vehicle.Chassis.SteeringWheel.Angle",
      ParkBrakeEngaged: "Vehicle.Chassis.ParkingBrake.IsEngaged",
      DriverDoorOpen: "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
      XqzCounter: "none",
    });
  });

  it("proposes each path once, to the signal that fits best", () => {
    const { proposed, unmapped } = proposePaths(
      signalsOf([
        ["A", "VehicleSpeedRaw2", "km/h"],
        ["B", "VehicleSpeed", "km/h"],
      ]),
      [LEAVES[0]],
      0.1,
    );
    expect(proposed.map(({ signal }) => signal.name)).toEqual(["VehicleSpeed"]);
    expect(unmapped.map(({ signal, nearest }) => [signal.name, nearest?.leaf.path])).toEqual([
      ["VehicleSpeedRaw2", "Vehicle.Speed"],
    ]);
  });

  it("tells a signal whose name fits and whose unit measures another thing", () => {
    expect(brief(proposePaths(signalsOf([["Steering", "SteeringWheelAngle", "V"]]), LEAVES, 0.5))).toEqual({
      SteeringWheelAngle: "two units: Vehicle.Chassis.SteeringWheel.Angle",
    });
  });

  it("gives each signal one place, confidences of 0 to 1, and the same for the same files in any order of the leaves", () => {
    const name = fc.constantFrom("VehSpd", "WhlSpdFL", "OilTmp", "Speed", "Temp1", "DoorOpen", "Fuel", "RR", "X");
    const spec = fc.tuple(name, name, fc.constantFrom("", "km/h", "degC", "%", "V"));
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), fc.shuffledSubarray(LEAVES), (specs, leaves) => {
        const signals = signalsOf(specs);
        const found = proposePaths(signals, leaves, 0.3);
        const all = [...found.proposed, ...found.twoUnits, ...found.unmapped].map(({ signal }) => signal.index);
        expect(all.toSorted((a, b) => a - b)).toEqual(signals.map(({ index }) => index));
        const paths = found.proposed.map(({ candidate }) => candidate.leaf.path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const { candidate } of [...found.proposed, ...found.twoUnits]) {
          expect(candidate.confidence).toBeGreaterThanOrEqual(0.3);
          expect(candidate.confidence).toBeLessThanOrEqual(1);
        }
        const sorted = leaves.toSorted((a, b) => (a.path < b.path ? -1 : 1));
        expect(proposePaths(signals, sorted, 0.3)).toEqual(found);
      }),
      { seed: 14 },
    );
  });
});
