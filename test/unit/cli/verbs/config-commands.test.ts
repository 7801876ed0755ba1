import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const CONFIG = join(import.meta.dirname, "../../../../config");

/** Runs `config validate` on the example policy and catalogue, each altered first. */
async function validate(policy: (text: string) => string, catalogue: (text: string) => string): Promise<string> {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  copyFileSync(join(CONFIG, "bench-doors.dbc"), at("doors.dbc"));
  writeFileSync(at("policy.yaml"), policy(readFileSync(join(CONFIG, "policy.example.yaml"), "utf8")));
  writeFileSync(at("catalogue.yaml"), catalogue(readFileSync(join(CONFIG, "catalogue.example.yaml"), "utf8")));
  writeFileSync(at("ca.pem"), CA_PEM);
  const settings = {
    thingName: "veh-1",
    buses: [{ name: "can0", driver: "native", interface: "can0" }],
    dbc: [{ file: "doors.dbc" }],
    broker: { host: "localhost", caFile: "ca.pem" },
    identity: { mode: "pkcs11", tokenLabel: "t", keyLabel: "k", certificateFile: "c.pem" },
    commands: { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" },
  };
  writeFileSync(at("agent.yaml"), stringify(settings));
  return (await runCli(["config", "validate", "--config", at("agent.yaml")])).stdout;
}

const same = (text: string): string => text;

describe("causeway config validate, for remote commands", () => {
  it("takes the examples that are shipped", async () => {
    expect(await validate(same, same)).toMatch(/agent\.yaml: valid/);
  });

  it("names file, line and column of a mistake in the policy", async () => {
    const policy = (text: string): string => text.replace("action: doors.lock", "action: 7");
    await expect(validate(policy, same)).rejects.toThrow(/policy\.yaml:\d+:\d+ allow\[1\]\.action: /);
  });

  it.each([
    [
      "  # - name: cabin.precondition\n  #   kind: program\n",
      "  - { name: cabin.precondition, kind: program, program: hvac, command: precondition, class: R1 }\n",
      /catalogue\.yaml:\d+:\d+ cabin\.precondition program: the configuration has no section programs/,
    ],
    [
      "message: DoorCommand",
      "message: DoorCmd",
      /catalogue\.yaml:\d+:\d+ doors\.lock message: no DBC file of can0 has DoorCmd/,
    ],
    ["Lock: 1", "Lock: 3", /catalogue\.yaml:\d+:\d+ doors\.lock signals\.Lock: 3 is not within 0 to 2/],
    ["speed < 3.0", "sped < 3.0", /catalogue\.yaml:\d+:\d+ doors\.lock condition\.all\.0: Unknown variable: sped/],
    [
      "- action: horn-and-lights.on\n",
      "- action: horn-and-lights.in\n",
      /catalogue\.yaml:\d+:\d+ horn-and-lights steps\.0\.action: no entry before it/,
    ],
    [
      "value: true, action: doors.lock",
      "value: true, action: doors.close",
      /catalogue\.yaml:\d+:\d+ protobuf\.actuators\.0\.does: the catalogue has no action doors\.close/,
    ],
    [
      "signals: [DoorStatus.Locked,",
      "signals: [DoorStatus.Open,",
      /catalogue\.yaml:\d+:\d+ protobuf\.states\.0\.signals\.0: there is no signal DoorStatus\.Open/,
    ],
  ])("names file, line and column of %s in the catalogue", async (right, wrong, problem) => {
    await expect(validate(same, (text) => text.replace(right, wrong))).rejects.toThrow(problem);
  });
});
