import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSignalTable } from "../../../../agent/daemon/configuration/load-table.ts";
import { loadConfigFile } from "../../../../config/load.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const BASE = `thingName: t-1
bench: true
stateDir: /tmp/causeway-case/state
runtimeDir: /tmp/causeway-case/run
buses: [{ name: can0, driver: replay, file: drive.log }]
broker: { host: 127.0.0.1, port: 8883, caFile: ca.pem }
identity: { mode: file, certificateFile: c.pem, keyFile: k.pem }
dbc: [{ file: car.dbc }]
collect: { rules: [{ signals: Vehicle.Speed, mode: latest, windowMs: 1000 }] }
`;
const DBC = 'VERSION ""\nBU_: X\nBO_ 256 Drive: 8 X\n SG_ Speed : 0|16@1+ (0.01,0) [0|0] "mph" X\n';
const MAPPING = "signal,vss_path,unit\nSpeed,Vehicle.Speed,km/h\n";
const CATALOGUE = '{"Vehicle": {"children": {"Speed": {"type": "sensor", "datatype": "float", "unit": "km/h"}}}}';

/** A configuration with this section, and these files beside it. */
function configWith(vss: string, files: Readonly<Record<string, string>>): string {
  const config = join(temporaryFolder(), "agent.yaml");
  const all = { "agent.yaml": `${BASE}vss: ${vss}\n`, "ca.pem": CA_PEM, "car.dbc": DBC, ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(dirname(config), name), text);
  return config;
}

const BOTH = "{ release: '6.0', mappingFile: map.csv, catalogueFile: vss.json }";

describe("the section vss", () => {
  it("names the signals of the table, so that rules may use the paths", async () => {
    const config = configWith(BOTH, { "map.csv": MAPPING, "vss.json": CATALOGUE });
    const { table, warnings, mappedRules } = await loadSignalTable(await loadConfigFile(config));
    expect(warnings).toEqual([]);
    expect(table.signals[0].vss.map(({ path }) => path)).toEqual(["Vehicle.Speed"]);
    expect(table.vssRelease).toBe("6.0");
    expect(mappedRules).toEqual([{ signals: "Vehicle.Speed", mode: "every", ms: 1000 }]);
  });

  it("tells what is doubtful in the mapping, with its place", async () => {
    const config = configWith("{ release: '6.0', mappingFile: map.csv }", { "map.csv": `${MAPPING}None,Vehicle.X\n` });
    const { stderr, exitCode } = await runCli(["config", "validate", "--config", config]);
    expect(stderr).toContain(
      `warning: ${join(dirname(config), "map.csv")}:3:1 no DBC file has the signal None of Vehicle.X`,
    );
    expect(exitCode).toBe(0);
  });

  it.each([
    [BOTH, { "map.csv": MAPPING, "vss.json": "{" }, /vss\.json:1:2 not JSON: /],
    [
      BOTH,
      { "map.csv": "signal,vss_path,unit\nSpeed,Vehicle.Speed,kPa\n", "vss.json": CATALOGUE },
      /map\.csv:2:1 Vehicle\.Speed has two units: kPa here, km\/h in the catalogue/,
    ],
    [BOTH, { "map.csv": "signal\nSpeed\n" }, /map\.csv:1:1 the first line must name the columns; vss_path is missing/],
    [BOTH, { "map.csv": MAPPING }, /agent\.yaml:\d+:\d+ vss\.catalogueFile: .*vss\.json cannot be read: no such file/],
    [
      "{ release: '6.0', mappingFile: . }",
      {},
      /agent\.yaml:\d+:\d+ vss\.mappingFile: .* cannot be read: it is a folder/,
    ],
    [
      "{ release: latest, mappingFile: map.csv }",
      { "map.csv": MAPPING },
      /vss\.release: must be a release of the catalogue, such as 6\.0/,
    ],
  ])("refuses %s with %j", async (vss, files, problem) => {
    const refused = runCli(["config", "validate", "--config", configWith(vss, files)]);
    await expect(refused).rejects.toMatchObject({ code: "config.invalid" });
    await expect(refused).rejects.toThrow(problem);
  });
});
