import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import { type MappedSignal, mapSignals, namesBySignal } from "../../../../agent/signals/vss/map-signals.ts";
import { mappedRules } from "../../../../agent/signals/vss/mapped-rules.ts";
import { byPath, readMapping } from "../../../../agent/signals/vss/read-mapping.ts";
import { readVssTree } from "../../../../agent/signals/vss/vss-tree.ts";

const DBC = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "mph" X
 SG_ Gear : 16|4@1+ (1,0) [0|0] "" X
 SG_ Temp : 24|8@1+ (0.5,-40) [0|0] "degC" X
 SG_ Odd : 32|8@1+ (1,0) [0|0] "furlong" X
 SG_ Level : 40|8@1+ (0.5,0) [0|0] "V" X
BO_ 257 Copy: 8 X
 SG_ Gear : 0|4@1+ (1,0) [0|0] "" X
 SG_ Single : 32|32@1- (1,0) [0|0] "" X
VAL_ 256 Gear 0 "P" 1 "R" 3 "D" 4 "D" ;
SIG_VALTYPE_ 257 Single : 1;
`;

const leaf = (datatype: string, unit?: string) => ({ type: "sensor", datatype, unit });
const CATALOGUE = JSON.stringify({
  Vehicle: {
    type: "branch",
    children: {
      Speed: leaf("float", "km/h"),
      Gear: leaf("string"),
      Air: { type: "branch", children: { Temperature: leaf("int16", "celsius") } },
      Load: leaf("uint8", "percent"),
    },
  },
});

type Given = { readonly release?: string; readonly buses?: readonly string[]; readonly catalogue?: string | undefined };

/** What a mapping says of the signals above, and all that is wrong with it. */
function mapped(text: string, { release = "5.0", buses = ["can0"], catalogue = CATALOGUE }: Given = {}) {
  const { database } = parseDbc(DBC);
  const mapping = readMapping(text);
  const leaves = catalogue === "" ? undefined : byPath(readVssTree(catalogue).leaves);
  let found: readonly MappedSignal[] = [];
  const table = createSignalTable(
    buses.map((bus) => ({ bus, database })),
    undefined,
    {
      release,
      namesOf: (signals) => {
        found = mapSignals(signals, mapping, { release, leaves });
        return namesBySignal(found);
      },
    },
  );
  const lines = (list: readonly { line: number; text: string }[]) =>
    list.map(({ line, text: what }) => `${line} ${what}`);
  const { errors, warnings } = mapping.problems;
  return { table, found, errors: lines(errors), warnings: lines(warnings) };
}

const csv = (...rows: string[]): string => `signal,vss_path,unit,factor,offset\n${rows.join("\n")}\n`;

function kuksa(children: Readonly<Record<string, object>>): string {
  const leaves = Object.entries(children).map(([name, dbc2vss]) => [name, { ...leaf("float"), dbc2vss }] as const);
  const tree: Readonly<Record<string, object>> = Object.fromEntries(leaves);
  return JSON.stringify({ Vehicle: { type: "branch", children: tree } });
}

describe("mapSignals", () => {
  it("converts the unit of the DBC file to that of the catalogue", () => {
    const { table, errors, warnings } = mapped(csv("Speed,Vehicle.Speed", "Drive.Temp,Vehicle.Air.Temperature,degC"));
    expect([...errors, ...warnings]).toEqual([]);
    expect(table.signals[0].vss).toEqual([
      { path: "Vehicle.Speed", unit: "km/h", value: { kind: "linear", factor: 1.609344, offset: 0 } },
    ]);
    expect(table.signals[2].vss).toEqual([
      { path: "Vehicle.Air.Temperature", unit: "celsius", value: { kind: "linear", factor: 1, offset: 0 } },
    ]);
    expect(table.vssRelease).toBe("5.0");
    expect(table.signals[1].vss).toEqual([]);
  });

  it("takes factor and offset as they are given, and several paths in their order", () => {
    const { table, errors } = mapped(csv("Level,Vehicle.Load,,40,-100", "Level,Vehicle.Air.Temperature,celsius,1,"));
    expect(errors).toEqual([]);
    expect(table.signals[4].vss).toEqual([
      { path: "Vehicle.Air.Temperature", unit: "celsius", value: { kind: "linear", factor: 1, offset: 0 } },
      { path: "Vehicle.Load", unit: "percent", value: { kind: "linear", factor: 40, offset: -100 } },
    ]);
  });

  it("makes a line of linear math, an expression of any other, and values of a mapping", () => {
    const pairs = [
      { from: "D", to: 1 },
      { from: "P", to: 0 },
      { from: 4, to: 9 },
      { from: 2, to: "two" },
    ];
    const { table, errors, warnings } = mapped(
      kuksa({
        A: { signal: "Level", transform: { math: "(x*40)-100" } },
        B: { signal: "Level", transform: { math: "floor((x*40)-100)" } },
        C: { signal: "Drive.Gear", transform: { mapping: pairs } },
        D: { signal: "Temp", transform: { mapping: [{ from: -39.5, to: true }] } },
      }),
      { catalogue: "" },
    );
    expect(errors).toEqual([]);
    expect(warnings).toEqual([]);
    expect(table.signals[4].vss.map(({ value }) => value)).toEqual([
      { kind: "linear", factor: 40, offset: -100 },
      { kind: "expression", expression: "floor((x * 40.0) - 100.0)" },
    ]);
    // D is 3 and 4; the first pair that fits a value counts.
    const values = { raws: [0, 2, 3, 4], texts: ["0", "two", "1", "1"] };
    expect(table.signals[1].vss.map(({ value }) => value)).toEqual([{ kind: "values", values }]);
    const half = { raws: [1], texts: ["true"] };
    expect(table.signals[2].vss.map(({ value }) => value)).toEqual([{ kind: "values", values: half }]);
  });

  it("gives the texts of the DBC file to a path that is a string", () => {
    const { table } = mapped(csv("Drive.Gear,Vehicle.Gear"));
    expect(table.signals[1].vss[0].value).toEqual({ kind: "values", values: table.signals[1].texts });
  });

  it("refuses a name of several signals with the candidates, and takes one that is the same on two buses", () => {
    expect(mapped(csv("Gear,Vehicle.Gear")).errors).toEqual([
      "2 Gear is several signals, write which: can0/Drive@0x100.Gear, can0/Copy@0x101.Gear",
    ]);
    const { found, errors } = mapped(csv("Speed,Vehicle.Speed", "can1/Copy@0x101.Gear,Vehicle.Gear"), {
      buses: ["can0", "can1"],
    });
    expect(errors).toEqual([]);
    expect(found.map(({ signal, vss }) => `${signal.bus} ${signal.name} ${vss.path}`)).toEqual([
      "can0 Speed Vehicle.Speed",
      "can1 Speed Vehicle.Speed",
      "can1 Gear Vehicle.Gear",
    ]);
  });

  it("tells units that do not fit, and leaves out what it cannot convert", () => {
    const { errors, warnings, found } = mapped(
      csv("Level,Vehicle.Load", "Odd,Vehicle.Speed", "Temp,Vehicle.Air.Temperature,kPa", "None,Vehicle.Gear"),
    );
    expect(errors).toEqual([
      "2 Vehicle.Load: Level of Drive has two units: V (voltage) in the DBC file, percent (ratio) in VSS; give factor, or transform.math",
      "4 Vehicle.Air.Temperature has two units: kPa here, celsius in the catalogue",
    ]);
    expect(warnings).toEqual([
      "3 Vehicle.Speed: Odd of Drive is left out: the unit furlong is not known; give factor, or transform.math",
      "5 no DBC file has the signal None of Vehicle.Gear",
    ]);
    expect(found).toEqual([]);
  });

  it("holds paths against the catalogue, and the catalogue against the release", () => {
    const { errors, warnings } = mapped(
      csv("Speed,Vehicle.Velocity", "Temp,Vehicle.Air.Temperature", "Speed,Speed", "Temp,Vehicle.Temperature"),
      { release: "6.0" },
    );
    expect(errors).toEqual([
      "2 Vehicle.Velocity is not in the catalogue (vss.release 6.0)",
      "4 Speed is no path in VSS, such as Vehicle.Speed",
      "5 Vehicle.Temperature is not in the catalogue (vss.release 6.0); it has Vehicle.Air.Temperature",
    ]);
    expect(warnings).toEqual([
      "3 the catalogue has the unit celsius, which is Celsius in release 6.0: is it of another one?",
    ]);
  });

  it("names units as the release does where there is no catalogue", () => {
    const unitIn = (release: string) => mapped(csv("Temp,Vehicle.T,°C"), { release, catalogue: "" }).found[0].vss.unit;
    expect([unitIn("4.2"), unitIn("6.0")]).toEqual(["celsius", "Celsius"]);
  });

  it("refuses a path that is mapped twice, and a mapping of values that the signal has not", () => {
    expect(mapped(csv("Speed,Vehicle.Speed", "Temp,Vehicle.Speed")).errors).toEqual([
      "3 Vehicle.Speed is mapped to Speed already (line 2)",
    ]);
    const values = (signal: string) =>
      kuksa({
        A: {
          signal,
          transform: {
            mapping: [
              { from: "X", to: 1 },
              { from: 0.3, to: 2 },
            ],
          },
        },
      });
    const { errors, warnings } = mapped(values("Temp"), { catalogue: "" });
    expect(errors).toEqual(["1 Vehicle.A: no value of its mapping is one of Temp of Drive"]);
    expect(warnings.length).toBe(2);
    expect(mapped(values("Single"), { catalogue: "" }).errors.length).toBe(1);
  });

  it("changes the id of the table with what it says, and with the release", () => {
    const id = (text: string, release = "5.0") => mapped(text, { release, catalogue: "" }).table.id;
    const none = createSignalTable([{ bus: "can0", database: parseDbc(DBC).database }]).id;
    expect(id(csv("None,Vehicle.Speed"))).toBe(none);
    const ids = [
      none,
      id(csv("Speed,Vehicle.Speed,km/h")),
      id(csv("Speed,Vehicle.Speed,m/s")),
      id(csv("Speed,Vehicle.Speed,km/h,2")),
      id(csv("Speed,Vehicle.Velocity,km/h")),
      id(csv("Speed,Vehicle.Speed,km/h"), "6.0"),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("mappedRules", () => {
  it("are kuksa's interval and on_change, the shortest interval last", () => {
    const { found } = mapped(
      kuksa({
        A: { signal: "Speed", interval_ms: 100 },
        B: { signal: "Speed" },
        C: { signal: "Temp", on_change: true },
        D: { signal: "Level", on_change: true, interval_ms: 500 },
      }),
      { catalogue: "", buses: ["can0", "can1"] },
    );
    expect(mappedRules(found)).toEqual([
      { signals: "Vehicle.B", mode: "every", ms: 1000 },
      { signals: "Vehicle.D", mode: "every", ms: 500 },
      { signals: "Vehicle.A", mode: "every", ms: 100 },
      { signals: "Vehicle.C", mode: "on-change" },
    ]);
  });
});
