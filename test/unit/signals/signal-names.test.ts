import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { findSignal } from "../../../agent/signals/signal-names.ts";

const BRAKES = `VERSION ""
BU_: X
BO_ 701 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
BO_ 2147484349 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
`;
const BODY = `VERSION ""
BU_: X
BO_ 702 Motion: 1 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "" X
BO_ 703 Doors: 1 X
 SG_ Open : 0|8@1+ (1,0) [0|0] "" X
BO_ 704 Paged: 4 X
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" X
 SG_ Level m0 : 8|8@1+ (1,0) [0|0] "" X
 SG_ Level m1 : 24|8@1+ (1,0) [0|0] "" X
`;

const ENGINE = `BO_ 2024 Engine: 8 X
 SG_ engine_speed : 16|16@0+ (0.25,0) [0|0] "rpm" X
`;
const [engine] = parseDbc(ENGINE).database.messages;
const PDUS = {
  version: "",
  nodes: [],
  messages: [
    { ...engine, name: "obd.engine" },
    { ...engine, name: "obd" },
  ],
};

const TABLE = createSignalTable([
  { bus: "can0", database: parseDbc(BRAKES).database, file: "brakes.dbc" },
  { bus: "can1", database: parseDbc(BODY).database, file: "body.dbc" },
  { bus: "can0", database: PDUS, carriage: "pdus" },
]);

function found(name: string): string {
  const one = findSignal(TABLE, name);
  if (one.kind === "unfit") return one.problem;
  const { bus, arbitrationId, extended } = one.signal;
  return `${bus} ${extended ? "29" : "11"} bits ${arbitrationId}`;
}

describe("findSignal", () => {
  it("takes a name that one signal has, with its bus or without", () => {
    expect(found("Doors.Open")).toBe("can1 11 bits 703");
    expect(found("can1/Motion.Speed")).toBe("can1 11 bits 702");
  });

  it("takes none of several signals of a name, and says where they are and how each is written", () => {
    expect(found("can0/Motion.Speed")).toBe(
      "can0/Motion.Speed is 2 signals, write which: can0/Motion@0x2bd.Speed (brakes.dbc:3), can0/Motion@0x000002bd.Speed (brakes.dbc:5)",
    );
    expect(found("Motion.Speed")).toMatch(/^Motion\.Speed is 3 signals, .*can1\/Motion@0x2be\.Speed \(body\.dbc:3\)$/);
  });

  it("picks one by the id of its message: 11 bits with up to 3 digits, 29 bits with more", () => {
    expect(found("can0/Motion@0x2bd.Speed")).toBe("can0 11 bits 701");
    expect(found("Motion@0x000002BD.Speed")).toBe("can0 29 bits 701");
    expect(found("Motion@0x2be.Speed")).toBe("can1 11 bits 702");
  });

  it("takes names of messages that have dots", () => {
    expect(found("obd.engine.engine_speed")).toBe("can0 11 bits 2024");
    expect(found("can0/obd.engine@0x7e8.engine_speed")).toBe("can0 11 bits 2024");
    expect(found("obd.engine_speed")).toBe("can0 11 bits 2024");
    expect(found("obd.engine")).toBe("there is no signal obd.engine");
  });

  it("takes no name of signals in two branches of one message", () => {
    expect(found("Paged.Level")).toBe(
      "Paged.Level is in several branches of a multiplexer (body.dbc:7): no name picks one",
    );
  });

  it.each([
    "Doors",
    "Doors.Shut",
    "can0/Doors.Open",
    "Motion@0x2bf.Speed",
    "Motion@2bd.Speed",
    "Motion@.Speed",
    "",
    ".",
  ])("finds nothing by %j", (name) => {
    expect(found(name)).toBe(`there is no signal ${name}`);
  });
});

describe("findSignal by a path in VSS", () => {
  const TEXT = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.5,-4) [0|0] "mph" X
 SG_ Gear : 16|8@1+ (1,0) [0|0] "" X
BO_ 257 Vehicle: 8 X
 SG_ Load : 0|8@1+ (1,0) [0|0] "kg" X
`;
  const linear = { kind: "linear", factor: 1.609344, offset: 2 } as const;
  const table = (buses: readonly string[]) =>
    createSignalTable(
      buses.map((bus) => ({ bus, database: parseDbc(TEXT).database })),
      undefined,
      {
        release: "6.0",
        namesOf: (signals) =>
          new Map(
            signals.map(({ index, name }) => [
              index,
              name === "Gear"
                ? [{ path: "Vehicle.Gear", unit: "", value: { kind: "values", values: { raws: [0], texts: ["P"] } } }]
                : [
                    { path: "Vehicle.Load", unit: "percent", value: linear },
                    { path: `Vehicle.${name}`, unit: "km/h", value: linear },
                  ].slice(name === "Load" ? 2 : 0),
            ]),
          ),
      },
    );

  it("has the scale and the unit of VSS", () => {
    const one = findSignal(table(["can0"]), "Vehicle.Speed");
    if (one.kind === "unfit") throw new Error(one.problem);
    const { index, unit, factor, offset, name } = one.signal;
    expect({ index, unit, name }).toEqual({ index: 0, unit: "km/h", name: "Speed" });
    // 20 is 20 * 0.5 - 4 = 6 mph, and 6 * 1.609344 + 2 in VSS.
    expect(20 * factor + offset).toBeCloseTo(6 * 1.609344 + 2, 12);
  });

  it("gives way to a name of a DBC file, and is none of several buses or of mapped values", () => {
    const load = findSignal(table(["can0"]), "Vehicle.Load");
    expect(load.kind === "signal" && load.signal.unit).toBe("kg");
    const problem = (buses: readonly string[], path: string) => {
      const one = findSignal(table(buses), path);
      return one.kind === "unfit" ? one.problem : "";
    };
    expect(problem(["can0", "can1"], "Vehicle.Speed")).toBe(
      "Vehicle.Speed is 2 signals, write which: can0/Drive@0x100.Speed, can1/Drive@0x100.Speed",
    );
    expect(problem(["can0"], "Vehicle.Gear")).toBe(
      "the values of Vehicle.Gear are mapped one by one; name can0/Drive@0x100.Gear itself",
    );
    expect(problem(["can0"], "Vehicle.None")).toBe("there is no signal Vehicle.None");
  });
});
