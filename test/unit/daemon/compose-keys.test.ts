import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { monotonicCounter } from "../../../agent/daemon/compose-keys.ts";
import { agentConfig } from "../../../config/schema.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

it.each([
  ["the configuration", "swtpm:port=1", "swtpm:port=1"],
  ["the environment", undefined, "swtpm:port=2"],
])("asks the counter of the TPM that the keys are in, by %s", async (_, tcti, expected) => {
  const folder = temporaryFolder();
  const said = join(folder, "tcti");
  const script = `#!/bin/sh\nprintf %s "$TPM2TOOLS_TCTI" >${said}\nprintf '\\0\\0\\0\\0\\0\\0\\0\\5'\n`;
  writeFileSync(join(folder, "tpm2_nvread"), script, { mode: 0o700 });
  const identity = agentConfig.shape.identity.parse({
    mode: "pkcs11",
    certificateFile: "/device.pem",
    tokenLabel: "causeway",
    keyLabel: "device",
    storeDir: "/store",
    tcti,
  });
  const environment = { PATH: folder, TPM2_PKCS11_TCTI: "swtpm:port=2" };
  expect(await monotonicCounter({ identity }, environment, 0x0180_0e0d).read()).toBe(5);
  expect(readFileSync(said, "utf8")).toBe(expected);
});
