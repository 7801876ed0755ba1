import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { AgentError } from "../../../../agent/core/errors.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { bytesOf, runCli } from "../../../fakes/daemon/cli-runner.ts";

/** A device that has no identity yet. */
function newDevice(): { readonly folder: string; readonly config: string } {
  const folder = temporaryFolder();
  const config = join(folder, "agent.yaml");
  const identity = {
    mode: "pkcs11",
    tokenLabel: "causeway",
    certificateFile: "device.pem",
    storeDir: join(folder, "store"),
  };
  const rest = {
    buses: [{ name: "can0", driver: "native", interface: "can0" }],
    broker: { host: "localhost", caFile: "ca.pem" },
  };
  const places = { stateDir: join(folder, "state"), runtimeDir: join(folder, "run") };
  writeFileSync(config, stringify({ thingName: "veh-1", ...places, ...rest, identity }));
  return { folder, config };
}

async function faultOf(config: string, answers: string): Promise<AgentError> {
  const fault = await runCli(["provision", "--config", config], { stdin: bytesOf(answers) }).catch(
    (error: unknown) => error,
  );
  if (fault instanceof AgentError) return fault;
  throw new Error("it was done");
}

describe("causeway provision", () => {
  it("looks at each file before it asks the next question", async () => {
    const { folder, config } = newDevice();
    // No answer is left for another question: that would be usage.invalid.
    const absent = await faultOf(config, `${join(folder, "none.pem")}\n`);
    expect([absent.code, absent.message]).toEqual([
      "identity.claim-missing",
      `the claim file ${join(folder, "none.pem")} does not exist`,
    ]);
    writeFileSync(join(folder, "claim.pem"), "certificate", { mode: 0o644 });
    writeFileSync(join(folder, "claim.key"), "key", { mode: 0o644 });
    const open = await faultOf(config, `${join(folder, "claim.pem")}\n${join(folder, "claim.key")}\n`);
    expect([open.code, open.message]).toEqual([
      "identity.claim-exposed",
      `the claim file ${join(folder, "claim.key")} has mode 0644`,
    ]);
  });
});
