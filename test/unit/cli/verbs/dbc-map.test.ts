import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readMapping } from "../../../../agent/signals/vss/read-mapping.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const DBC = `BO_ 256 Drive: 8 X
 SG_ VehicleSpeed : 0|16@1+ (0.01,0) [0|0] "mph" X
 SG_ CoolantTemp : 16|8@1+ (1,-40) [0|0] "degC" X
 SG_ Tilt : 24|8@1+ (0.02,0) [0|0] "V" X
 SG_ Xqz : 32|8@1+ (1,0) [0|0] "" X
`;
const leaf = (unit: string, datatype = "float") => ({ type: "sensor", datatype, unit });
const CATALOGUE = {
  Vehicle: {
    type: "branch",
    children: {
      Speed: leaf("km/h"),
      Mirror: { type: "branch", children: { Tilt: leaf("percent") } },
      Coolant: { type: "branch", children: { Temperature: leaf("Celsius") } },
      Angle: leaf("degrees"),
    },
  },
};

function files(more: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  const all = { "car.dbc": DBC, "vss.json": JSON.stringify(CATALOGUE), ...more };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  const at = (name: string): string => join(folder, name);
  return { at, args: ["dbc", "map", "--vss", at("vss.json"), at("car.dbc")] };
}

describe("causeway dbc map", () => {
  it("shows what it proposes, what has two units, and the rest", async () => {
    const { args } = files();
    const { stdout, stderr, exitCode } = await runCli(args);
    expect(stdout).toMatch(
      new RegExp(
        [
          "^proposed \\(confidence, signal, path, unit\\)",
          "  \\d\\.\\d\\d  Drive\\.VehicleSpeed  Vehicle\\.Speed +mph -> km/h",
          "  \\d\\.\\d\\d  Drive\\.CoolantTemp   Vehicle\\.Coolant\\.Temperature  degC -> Celsius",
          "two units: the names fit, the units measure two things",
          "  \\d\\.\\d\\d  Drive\\.Tilt  Vehicle\\.Mirror\\.Tilt  V -> percent",
          "not mapped",
          "  Drive\\.Xqz",
          "0 mapped, 2 proposed, 1 with two units, 1 not mapped\n$",
        ].join("\n"),
      ),
    );
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("prints one object with --json, with the scale that the units give", async () => {
    const { args, at } = files();
    const { stdout } = await runCli([...args, "--json"]);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toMatchObject({
      schemaVersion: 1,
      mapped: [],
      proposed: [
        {
          signal: "Drive.VehicleSpeed",
          file: at("car.dbc"),
          dbcUnit: "mph",
          path: "Vehicle.Speed",
          unit: "km/h",
          factor: 1.609344,
          offset: 0,
        },
        { signal: "Drive.CoolantTemp", path: "Vehicle.Coolant.Temperature", factor: 1 },
      ],
      twoUnits: [{ signal: "Drive.Tilt", path: "Vehicle.Mirror.Tilt" }],
      unmapped: [{ signal: "Drive.Xqz", nearest: null }],
    });
  });

  it("writes CSV that the mapping takes, with what is mapped already, and proposes no more then", async () => {
    const { args, at } = files({
      "map.csv": "signal,vss_path,unit,factor,offset\nTilt,Vehicle.Mirror.Tilt,,40,-100\n",
    });
    const out = at("out.csv");
    const { stderr } = await runCli([...args, "--mapping", at("map.csv"), "-o", out]);
    expect(stderr).toBe(`${out}: 3 rows; look at each that is proposed before you use it\n`);
    const { entries, problems } = readMapping(readFileSync(out, "utf8"));
    expect(problems.errors).toEqual([]);
    expect(entries.map(({ signal, path, transform }) => [signal, path, transform])).toEqual([
      ["Tilt", "Vehicle.Mirror.Tilt", { kind: "linear", factor: 40, offset: -100 }],
      ["Drive.VehicleSpeed", "Vehicle.Speed", { kind: "none" }],
      ["Drive.CoolantTemp", "Vehicle.Coolant.Temperature", { kind: "none" }],
    ]);
    const again = await runCli([...args, "--mapping", out]);
    expect(again.stdout).toMatch(
      /^not mapped\n {2}Drive\.Xqz\n3 mapped, 0 proposed, 0 with two units, 1 not mapped\n$/,
    );
  });

  it("names messages of one name by their ids", async () => {
    const twice = `${DBC}BO_ 257 Drive: 8 X\n SG_ VehicleSpeed : 0|16@1+ (0.01,0) [0|0] "mph" X\n`;
    const { args } = files({ "car.dbc": twice });
    expect((await runCli(args)).stdout).toContain("Drive@0x100.VehicleSpeed");
  });

  it("tells the place of what is wrong in the mapping, writes nothing then, and ends with 65", async () => {
    const { args, at } = files({ "map.csv": "signal,vss_path\nTilt,Vehicle.Mirror.Tilt\nNone,Vehicle.Angle\n" });
    const { stderr, exitCode } = await runCli([...args, "--mapping", at("map.csv"), "-o", at("map.csv")]);
    expect(stderr.split("\n")).toEqual([
      `${at("map.csv")}:2:1 error: Vehicle.Mirror.Tilt: Tilt of Drive has two units: V (voltage) in the DBC file, percent (ratio) in VSS; give factor, or transform.math`,
      `${at("map.csv")}:3:1 warning: no DBC file has the signal None of Vehicle.Angle`,
      `${at("map.csv")}: not written, since the mapping has errors and would lose rows`,
      "",
    ]);
    expect(exitCode).toBe(65);
    expect(readFileSync(at("map.csv"), "utf8")).toContain("None,Vehicle.Angle");
  });

  it("refuses a catalogue that is none, and a confidence that is none", async () => {
    const { args } = files({ "vss.json": "[]" });
    await expect(runCli(args)).rejects.toMatchObject({ code: "input.malformed" });
    await expect(runCli([...files().args, "--confidence", "2"])).rejects.toThrow("Give a number of 0 to 1.");
    const { args: wrong, at } = files();
    await expect(runCli([...wrong, "-o", at("none/out.csv")])).rejects.toMatchObject({ code: "output.unwritable" });
  });
});
