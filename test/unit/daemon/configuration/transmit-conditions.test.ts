import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkConfig } from "../../../../agent/daemon/configuration/check-config.ts";
import { loadConfigFile } from "../../../../config/load.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
`;

/** Checks a configuration as the agent does at its start; the condition stands on line 12. */
async function check(condition: string): Promise<unknown> {
  const folder = temporaryFolder();
  const file = join(folder, "agent.yaml");
  writeFileSync(join(folder, "ca.pem"), CA_PEM);
  writeFileSync(join(folder, "car.dbc"), DBC);
  writeFileSync(
    file,
    `thingName: t-1
bench: true
stateDir: /tmp/causeway-case/state
runtimeDir: /tmp/causeway-case/run
buses: [{ name: can0, driver: socketcan, interface: can0 }]
dbc: [{ file: car.dbc }]
broker: { host: 127.0.0.1, port: 8883, caFile: ca.pem }
identity: { mode: file, certificateFile: c.pem, keyFile: k.pem }
diagnostics:
  buses:
    - bus: can0
      transmit: { condition: ${condition} }
`,
  );
  return await checkConfig(await loadConfigFile(file), new ManualClock());
}

describe("the condition under which requests go out", () => {
  it("may be always, or of signals of the DBC files", async () => {
    await check("always");
    await check("{ signals: { speed: Engine.Speed }, all: [speed < 1.0] }");
  });

  it.each([
    ["{ signals: { speed: Engine.Sped }, all: [speed < 1.0] }", /agent\.yaml:12:\d+ .*Sped/],
    ["{ signals: { speed: Engine.Speed }, all: [speed] }", /agent\.yaml:12:\d+ is double, not bool/],
  ])("is refused with its place where it cannot be used: %s", async (condition, problem) => {
    await expect(check(condition)).rejects.toThrow(problem);
  });
});
