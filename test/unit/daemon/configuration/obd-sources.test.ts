import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSignalTable } from "../../../../agent/daemon/configuration/load-table.ts";
import { findSignal } from "../../../../agent/signals/signal-names.ts";
import { loadConfigFile } from "../../../../config/load.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";

/** A configuration with these settings of OBD-II, YAML. */
function configWith(obd: string): string {
  const folder = temporaryFolder();
  const file = join(folder, "agent.yaml");
  writeFileSync(join(folder, "ca.pem"), CA_PEM);
  writeFileSync(
    file,
    `thingName: t-1
bench: true
stateDir: /tmp/causeway-case/state
runtimeDir: /tmp/causeway-case/run
buses: [{ name: can0, driver: socketcan, interface: can0 }]
broker: { host: 127.0.0.1, port: 8883, caFile: ca.pem }
identity: { mode: file, certificateFile: c.pem, keyFile: k.pem }
diagnostics:
  buses:
    - bus: can0
      obd: ${obd}
      transmit: { condition: always }
`,
  );
  return file;
}

async function tableOf(obd: string) {
  return (await loadSignalTable(await loadConfigFile(configWith(obd)))).table;
}

describe("signals of OBD-II in the configuration", () => {
  it("are in the table, by ECU and PID, and readiness always", async () => {
    const table = await tableOf(
      "{ ecus: [{ name: motor, response: 0x7e8 }], signals: [{ pids: [engine_speed, '0x0d'], everyMs: 500 }] }",
    );
    expect(findSignal(table, "obd.motor.engine_speed")).toMatchObject({ signal: { unit: "rpm", factor: 0.25 } });
    expect(findSignal(table, "can0/obd.motor.vehicle_speed")).toMatchObject({ signal: { unit: "km/h" } });
    expect(findSignal(table, "obd.motor.mil")).toMatchObject({ kind: "signal" });
    expect(table.messages.map(({ name, carriage }) => [name, carriage])).toEqual(
      Array.from({ length: 3 }, () => ["obd.motor", "pdus"]),
    );
  });

  it("are there for every ECU that may answer where none is named", async () => {
    const table = await tableOf("{ signals: [{ pids: [coolant_temperature], everyMs: 1000 }] }");
    expect([...new Set(table.messages.map(({ name }) => name))]).toEqual([
      "obd.engine",
      "obd.transmission",
      ..."345678".split("").map((number) => `obd.ecu_${number}`),
    ]);
  });

  it("are refused with place and remedy where a name is wrong", async () => {
    await expect(tableOf("{ signals: [{ pids: [engine_sped], everyMs: 500 }] }")).rejects.toThrow(
      /agent\.yaml:11:\d+ there is no PID engine_sped; did you mean engine_speed\?/,
    );
  });
});
