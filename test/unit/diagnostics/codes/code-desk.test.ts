import { describe, expect, it } from "vitest";
import { chosenUnits, unitsOf } from "../../../../agent/diagnostics/codes/code-desk.ts";
import { CodeReaders } from "../../../../agent/diagnostics/codes/code-readers.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const OTHER = { bus: "can1", ecu: "engine", protocol: "uds" } as const;
const TRUCK = { bus: "can2", ecu: "sa_0", protocol: "j1939" } as const;
const P0301 = { code: "P0301", raw: 0x0301 };

function units() {
  const vehicle = new CodeVehicle({ appearSeconds: 0 });
  const readers = new CodeReaders();
  readers.add({ origin: ENGINE, read: async () => "is the first" });
  readers.add({ origin: ENGINE, read: async () => "is the second" });
  readers.add({ origin: OTHER, read: async () => undefined });
  vehicle.read(ENGINE, "confirmed", [P0301]);
  vehicle.read(TRUCK, "active", [{ code: "SPN 100 FMI 1", raw: 1 }]);
  vehicle.read(ENGINE, "permanent", [P0301]);
  vehicle.read(ENGINE, "confirmed", []);
  return unitsOf(vehicle.tracker, readers);
}

describe("the control units that are known", () => {
  it("are each there once, those that can be asked by who was named last, with active and permanent codes", async () => {
    const found = units();
    expect(found.map(({ name, codes }) => [name, codes.map(({ code }) => code)])).toEqual([
      ["can0/engine", ["P0301"]],
      ["can1/engine", []],
      ["sa_0", ["SPN 100 FMI 1"]],
    ]);
    expect(await found[0].reader?.read(new AbortController().signal)).toBe("is the second");
    expect(found[2].reader).toBeUndefined();
  });

  it("are chosen by name, or by bus and name, each once", () => {
    const chosen = (...names: readonly string[]) => {
      const result = chosenUnits(units(), names);
      return result.kind === "units" ? result.units.map(({ name }) => name) : result.problem;
    };
    expect(chosen("engine")).toEqual(["can0/engine", "can1/engine"]);
    expect(chosen("can1/engine", "engine")).toEqual(["can1/engine", "can0/engine"]);
    expect(chosen("engine", "brakes")).toBe(
      "there is no control unit brakes; known are: can0/engine, can1/engine, sa_0",
    );
    expect(chosenUnits([], ["engine"])).toEqual({
      kind: "unfit",
      problem: "there is no control unit engine; known are: none",
    });
  });
});
