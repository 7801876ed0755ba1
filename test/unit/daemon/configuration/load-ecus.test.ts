import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadBusEcus } from "../../../../agent/daemon/configuration/load-ecus.ts";
import { loadSignalTable } from "../../../../agent/daemon/configuration/load-table.ts";
import { loadConfigFile } from "../../../../config/load.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const EXAMPLE = join(import.meta.dirname, "../../../../config/ecus.example.yaml");

const UDS = { ecus: ["body", "gateway"], signals: [{ ecu: "body", dids: ["supply", "doors"], everyMs: 1000 }] };

/** Reads a configuration whose first bus asks ECUs so. */
async function configWith(uds: unknown, catalogueFile: string | undefined = "ecus.yaml") {
  const file = join(temporaryFolder(), "agent.yaml");
  copyFileSync(EXAMPLE, join(dirname(file), "ecus.yaml"));
  const config = {
    thingName: "t-1",
    bench: true,
    buses: [{ name: "can0", driver: "socketcan", interface: "can0" }],
    broker: { host: "127.0.0.1", caFile: "ca.pem" },
    identity: { mode: "file", certificateFile: "c.pem", keyFile: "k.pem" },
    diagnostics: {
      ...(catalogueFile === "" ? {} : { catalogueFile }),
      buses: [{ bus: "can0", transmit: { condition: "always" }, uds }],
    },
  };
  writeFileSync(file, stringify(config));
  return await loadConfigFile(file);
}

describe("ECUs of the configuration", () => {
  it("come with what is read of them, and their values are signals", async () => {
    const loaded = await configWith(UDS);
    const ecus = await loadBusEcus(loaded);
    expect(ecus.map(({ bus, ecu, rules }) => [bus, ecu.name, rules.map(({ everyMs }) => everyMs)])).toEqual([
      ["can0", "body", [1000]],
      ["can0", "gateway", []],
    ]);
    const { table } = await loadSignalTable(loaded);
    expect(table.signals.map(({ message, name, unit }) => `${message}.${name} ${unit}`)).toEqual([
      "uds.body.supply_voltage V",
      "uds.body.board_temperature degC",
      "uds.body.front_left_door ",
      "uds.body.front_right_door ",
    ]);
  });

  it.each([
    [
      { ecus: ["bodi"] },
      /agent\.yaml:\d+:\d+ diagnostics\.buses\[0\]\.uds\.ecus\[0\]: bodi is not in the catalogue; did you mean body\?/,
    ],
    [{ ...UDS, ecus: ["gateway"] }, /uds\.signals\[0\]\.ecu: body is not in ecus of this bus/],
    [
      { ...UDS, signals: [{ ecu: "body", dids: ["suply"], everyMs: 1000 }] },
      /uds\.signals\[0\]\.dids\[0\]: body has no data identifier suply; did you mean supply\?/,
    ],
    [{ ...UDS, signals: [{ ecu: "body", dids: ["vin"], everyMs: 1000 }] }, /dids\[0\]: vin has no signals/],
    [
      { ...UDS, signals: [{ ecu: "body", dids: ["distance"], everyMs: 1000 }] },
      /dids\[0\]: distance is not readable: only snapshots hold it/,
    ],
  ])("are refused with the place: %j", async (uds, problem) => {
    const loaded = await configWith(uds);
    await expect(loadSignalTable(loaded)).rejects.toThrow(problem);
  });

  it("need a catalogue", async () => {
    const ecus = configWith(UDS, "").then(loadBusEcus);
    await expect(ecus).rejects.toThrow(/catalogueFile/);
  });

  it("are told apart by their addresses, on each bus", async () => {
    const loaded = await configWith(UDS);
    const file = loaded.config.diagnostics?.catalogueFile ?? "";
    const shared = readFileSync(EXAMPLE, "utf8")
      .replace("\n    idBits: 29", "\n    idBits: 11")
      .replace("0x18da10f1", "0x741")
      .replace("0x18daf110", "0x748");
    writeFileSync(file, shared);
    await expect(loadBusEcus(loaded)).rejects.toThrow(
      /ecus\.yaml:\d+:\d+ ecus\[1\]: has an address of body, which is on the same bus/,
    );
    const alone = await configWith({ ecus: ["gateway"] });
    writeFileSync(alone.config.diagnostics?.catalogueFile ?? "", shared);
    expect(await loadBusEcus(alone)).toHaveLength(1);
  });
});
