import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReadMapping, readMapping } from "../../../../agent/signals/vss/read-mapping.ts";

const LEAF = { type: "sensor", datatype: "float", unit: "km/h" };

/** kuksa's form: a tree with these leaves below Vehicle. */
function kuksa(children: object): ReadMapping {
  return readMapping(JSON.stringify({ Vehicle: { type: "branch", children } }, undefined, 1));
}

function errorsOf({ problems }: ReadMapping): string[] {
  return problems.errors.map(({ line, column, text }) => `${line}:${column} ${text}`);
}

describe("readMapping of kuksa's form", () => {
  it("gives the leaves with dbc2vss, or dbc as it was called, with kuksa's defaults", () => {
    const mapping = kuksa({
      A: { ...LEAF, dbc2vss: { signal: "S1" } },
      B: { ...LEAF, dbc: { signal: "M.S2", on_change: true } },
      C: { ...LEAF, dbc2vss: { signal: "S3", interval_ms: 500, on_change: true }, vss2dbc: { signal: "S9" } },
      D: { ...LEAF, unit: undefined, dbc2vss: { signal: "S4", interval_ms: 0, transform: { math: "x * 2" } } },
      E: {
        ...LEAF,
        dbc2vss: {
          signal: "S5",
          transform: {
            mapping: [
              { from: "ON", to: true },
              { from: 2, to: "x" },
            ],
          },
        },
      },
      F: LEAF,
    });
    expect(errorsOf(mapping)).toEqual([]);
    const brief = mapping.entries.map(({ signal, path, unit, intervalMs, onChange, transform }) => [
      `${signal} ${path} ${unit} ${intervalMs} ${onChange}`,
      transform.kind === "values" ? transform.pairs : transform.kind,
    ]);
    expect(brief).toEqual([
      ["S1 Vehicle.A km/h 1000 false", "none"],
      ["M.S2 Vehicle.B km/h 0 true", "none"],
      ["S3 Vehicle.C km/h 500 true", "none"],
      ["S4 Vehicle.D  0 false", "math"],
      [
        "S5 Vehicle.E km/h 1000 false",
        [
          ["ON", true],
          [2, "x"],
        ],
      ],
    ]);
    expect(mapping.leaves?.length).toBe(6);
  });

  it.each([
    [{ signals: "S" }, "Vehicle.A.dbc2vss.signal: Invalid input: expected string, received undefined"],
    [
      { signal: "S", on_change: "yes" },
      "Vehicle.A.dbc2vss.on_change: Invalid input: expected boolean, received string",
    ],
    [{ signal: "S", interval_ms: -1 }, "Vehicle.A.dbc2vss.interval_ms: Too small: expected number to be >=0"],
    [
      { signal: "S", transform: { math: "x +" } },
      "Vehicle.A.dbc2vss.transform.math: expected a number, x or '(', found the end",
    ],
    [
      { signal: "S", transform: { maths: "x" } },
      "Vehicle.A.dbc2vss.transform: must be {math: TEXT} or {mapping: [{from, to}]}",
    ],
    [
      { signal: "S", transform: { math: "x", mapping: [] } },
      "Vehicle.A.dbc2vss.transform: has math and mapping; only one of them can be meant",
    ],
    [{ signal: "S", transform: { mapping: [{ from: 1 }] } }, "Vehicle.A.dbc2vss.transform.mapping.0.to: Invalid input"],
  ])("names the field that is wrong in %j", (dbc2vss, problem) => {
    const errors = errorsOf(kuksa({ A: { ...LEAF, dbc2vss } }));
    expect(errors.map((text) => text.replace(/^\d+:\d+ /, ""))).toEqual([problem]);
    expect(errors[0]).not.toMatch(/^1:1 /);
  });

  it("says that a bare catalogue maps nothing", () => {
    expect(errorsOf(kuksa({ A: LEAF }))).toEqual(["1:1 no signal in it has dbc2vss: it is a catalogue and no mapping"]);
  });
});

describe("readMapping of CSV", () => {
  it("reads the columns that its first line names, in any order", () => {
    const { entries, problems } = readMapping(
      "\uFEFF# by hand\r\nvss_path,signal,factor,unit,on_change,interval_ms,offset,confidence\r\n" +
        'Vehicle.Speed,"Speed",,,,,,0.9\r\n\r\nVehicle.Temp,"M.T",0.1,celsius,true,,-40\r\n# Vehicle.X,"\nVehicle.Rpm,Rpm,,,false,50,\r\n',
    );
    expect(problems.errors).toEqual([]);
    expect(entries).toMatchObject([
      {
        signal: "Speed",
        path: "Vehicle.Speed",
        unit: undefined,
        datatype: undefined,
        transform: { kind: "none" },
        intervalMs: 1000,
        onChange: false,
      },
      {
        signal: "M.T",
        path: "Vehicle.Temp",
        unit: "celsius",
        datatype: undefined,
        transform: { kind: "linear", factor: 0.1, offset: -40 },
        intervalMs: 0,
        onChange: true,
      },
      { signal: "Rpm", intervalMs: 50, transform: { kind: "none" } },
    ]);
  });

  it("takes semicolons and quotes as spreadsheets write them", () => {
    const { entries, problems } = readMapping('signal;vss_path;unit\n"A ""b"", c";Vehicle.A;"l\n"\n');
    expect(problems.errors).toEqual([]);
    expect(entries.map(({ signal, unit }) => [signal, unit])).toEqual([['A "b", c', "l"]]);
  });

  it.each([
    ["", ["1:1 there is nothing in it"]],
    [
      "a,b\nS,Vehicle.S\n",
      [
        "1:1 unknown column a; there are signal, vss_path, unit, factor, offset, interval_ms, on_change",
        "1:3 unknown column b; there are signal, vss_path, unit, factor, offset, interval_ms, on_change",
        "1:1 the first line must name the columns; signal and vss_path is missing",
      ],
    ],
    ["signal,vss_path\nS,\n,Vehicle.S\n", ["2:1 vss_path: is empty", "3:1 signal: is empty"]],
    [
      "signal,vss_path,factor\nS,Vehicle.S,0x10\nS,Vehicle.S,1e999\n",
      ["2:13 factor: 0x10 is no number", "3:13 factor: 1e999 is no number"],
    ],
    ["signal,vss_path,on_change\nS,Vehicle.S,yes\n", ["2:13 on_change: yes is not true or false"]],
    ["signal,vss_path,interval_ms\nS,Vehicle.S,-5\n", ["2:1 interval_ms: -5 is not 0 to 86400000"]],
    ['signal,vss_path\n"S,Vehicle.S\n', ["2:1 the quote is never closed"]],
    ['signal,vss_path\n"S"x,Vehicle.S\n', ["2:4 'x' stands behind a closing quote"]],
  ])("names line and column of what is wrong in %j", (text, problems) => {
    expect(errorsOf(readMapping(text))).toEqual(problems);
  });
});

describe("readMapping", () => {
  it("throws nothing and tells a place for damaged files of both forms", () => {
    const whole = [
      JSON.stringify({
        Vehicle: { children: { A: { ...LEAF, dbc2vss: { signal: "S", transform: { math: "x*(2+x)" } } } } },
      }),
      'signal,vss_path,unit,factor\n"S",Vehicle.A,km/h,1.5\nM.S,Vehicle.B,,\n',
    ];
    const cut = fc.record({
      at: fc.nat(120),
      length: fc.nat(6),
      put: fc.string({
        unit: fc.constantFrom("{", "}", "[", "]", '"', ",", ":", ";", "\n", "#", "\u0000", "é"),
        maxLength: 4,
      }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.array(cut, { minLength: 1, maxLength: 4 }), (text, cuts) => {
        const damaged = cuts.reduce(
          (one, { at, length, put }) => one.slice(0, at) + put + one.slice(at + length),
          text,
        );
        const { entries, problems } = readMapping(damaged);
        for (const { line, column } of problems.errors) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(damaged.split("\n").length);
          expect(column).toBeGreaterThanOrEqual(1);
        }
        for (const { at } of entries) expect(at).toBeLessThan(damaged.length);
      }),
      { seed: 14, numRuns: 5000 },
    );
  });
});
