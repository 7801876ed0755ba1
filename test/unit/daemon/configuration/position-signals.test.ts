import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSignalTable } from "../../../../agent/daemon/configuration/load-table.ts";
import { positionSignals } from "../../../../agent/daemon/configuration/position-signals.ts";
import { planCampaign } from "../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { samplesPosition } from "../../../../agent/telemetry/campaigns/plan/position-signals.ts";
import { campaignDocument } from "../../../../config/campaign.ts";
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
`;
const DBC = `VERSION ""
BU_: X
BO_ 256 Gps: 8 X
 SG_ Lat : 0|32@1- (1e-7,0) [0|0] "deg" X
 SG_ Lon : 32|32@1- (1e-7,0) [0|0] "deg" X
BO_ 257 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" X
`;

function configWith(more: string, files: Readonly<Record<string, string>> = {}): string {
  const config = join(temporaryFolder(), "agent.yaml");
  const all = { "agent.yaml": `${BASE}${more}\n`, "ca.pem": CA_PEM, "car.dbc": DBC, ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(dirname(config), name), text);
  return config;
}

const GPSD = "place: { sources: [{ kind: gpsd }] }";

describe("the section place", () => {
  it("adds location.* to the table of signals, and without it there is none of it", async () => {
    const { table } = await loadSignalTable(await loadConfigFile(configWith(GPSD)));
    const own = table.signals.filter(({ bus }) => bus === "place").map(({ message, name }) => `${message}.${name}`);
    expect(own).toEqual([
      "location.fix",
      "location.latitude",
      "location.longitude",
      "location.altitude",
      "location.speed",
      "location.course",
      "location.accuracy",
      "location.satellites",
      "location.hdop",
      "location.odometer",
    ]);
    const without = await loadSignalTable(await loadConfigFile(configWith("")));
    expect(without.table.signals).toHaveLength(3);
    expect(positionSignals({}, without.table)).toEqual([]);
  });

  it("names them in VSS beside a mapping, which goes before", async () => {
    const mapping = "signal,vss_path,unit\nLat,Vehicle.CurrentLocation.Latitude,degrees\n";
    const vss = "vss: { release: '6.0', mappingFile: map.csv }";
    const config = configWith(`${GPSD}\n${vss}`, { "map.csv": mapping });
    const { table } = await loadSignalTable(await loadConfigFile(config));
    const names = table.signals.flatMap(({ name, vss: own }) => own.map(({ path, unit }) => `${name} ${path} ${unit}`));
    expect(names).toEqual([
      "Lat Vehicle.CurrentLocation.Latitude degrees",
      "fix Vehicle.CurrentLocation.GNSSReceiver.FixType ",
      "longitude Vehicle.CurrentLocation.Longitude degrees",
      "altitude Vehicle.CurrentLocation.Altitude m",
      "course Vehicle.CurrentLocation.Heading degrees",
      "accuracy Vehicle.CurrentLocation.HorizontalAccuracy m",
    ]);
  });

  it("tells the place of a signal that there is not, and of a bus that has the name of positions", async () => {
    const source = (latitude: string): string =>
      configWith(`place: { sources: [{ kind: signals, latitude: ${latitude}, longitude: Gps.Lon }] }`);
    await expect(runCli(["config", "validate", "--config", source("Gps.Latt")])).rejects.toThrow(
      /agent\.yaml:9:\d+ place\.sources\[0\]\.latitude: there is no signal Gps\.Latt/,
    );
    expect((await runCli(["config", "validate", "--config", source("Gps.Lat")])).exitCode).toBe(0);
    const bus = configWith(GPSD);
    writeFileSync(bus, `${BASE.replace("name: can0", "name: place")}${GPSD}\n`);
    await expect(runCli(["config", "validate", "--config", bus])).rejects.toThrow(/give the bus another name/);
  });
});

describe("a campaign that samples where the vehicle is", () => {
  const place = "place: { sources: [{ kind: gpsd }, { kind: signals, latitude: Gps.Lat, longitude: Gps.Lon }] }";
  const judged = async (more: object): Promise<boolean> => {
    const loaded = await loadConfigFile(configWith(place));
    const { table } = await loadSignalTable(loaded);
    const document = campaignDocument.parse({ schemaVersion: 1, id: "c", version: 1, ...more });
    const planned = planCampaign(document, { table, busNames: ["can0"], facts: new Map(), hasHistory: true });
    if (planned.kind === "unfit") throw new TypeError(JSON.stringify(planned.problems));
    return samplesPosition(planned.plan, positionSignals(loaded.config, table));
  };
  const collecting = (signals: string) => ({ collect: [{ signals: [signals], mode: "every", ms: 1000 }] });

  it("is known by location.*, by what works something out of it, and by what the sources read", async () => {
    expect(await judged(collecting("Drive.Speed"))).toBe(false);
    expect(await judged(collecting("location.latitude"))).toBe(true);
    expect(await judged(collecting("*"))).toBe(true);
    expect(await judged(collecting("Gps.*"))).toBe(true);
    const trigger = { inputs: { v: "location.speed" }, trigger: { condition: "v > 50.0" } };
    expect(await judged({ ...collecting("Drive.Speed"), ...trigger })).toBe(true);
  });
});
