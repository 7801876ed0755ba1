import { describe, expect, it } from "vitest";
import { nearNames } from "../../../agent/signals/near-names.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const path = { path: "Vehicle.Speed", unit: "km/h", value: { kind: "linear", factor: 1, offset: 0 } } as const;
const { signals } = tableOf([
  { name: "EEC1", signals: [{ name: "EngineSpeed", vss: [path] }, { name: "EngineTorque" }] },
  { name: "TCO1", signals: [{ name: "TachoSpeed" }] },
]);

describe("nearNames", () => {
  it.each([
    ["EngineSpeed", ["EEC1.EngineSpeed"]],
    ["eec1.enginespeed", ["EEC1.EngineSpeed"]],
    ["speed", ["EEC1.EngineSpeed", "Vehicle.Speed", "TCO1.TachoSpeed"]],
    ["engine*que", ["EEC1.EngineTorque"]],
    ["EEC1.EngineSped", ["EEC1.EngineSpeed"]],
    ["Motor.EnginSpeed", ["EEC1.EngineSpeed"]],
    ["vehicle.sped", ["Vehicle.Speed"]],
    ["Nothing.Alike.AtAll", []],
    ["*", []],
  ])("has for %s: %j", (pattern, names) => {
    expect(nearNames(signals, pattern)).toEqual(names);
  });
});
