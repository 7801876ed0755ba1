import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { CHOICES, EVERYTHING } from "../../../../config/example-values.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

/** Runs `config validate` on the example's choices with the updates of `ota`, where these files are beside it. */
async function validate(files: Readonly<Record<string, string>>, ota?: unknown): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const settings = { ...CHOICES, dbc: [], collect: {}, ...(ota === undefined ? {} : { ota }) };
  writeFileSync(join(folder, "agent.yaml"), stringify(settings));
  return (await runCli(["config", "validate", "--config", join(folder, "agent.yaml")])).stdout;
}

const OTA = { ...EVERYTHING.ota, gate: { condition: { signals: {}, all: ["true"] } } };

describe("causeway config validate", () => {
  it("takes root certificates, one or several", async () => {
    expect(await validate({ "ca.pem": CA_PEM })).toContain("valid");
    expect(await validate({ "ca.pem": `# both of ours\n${CA_PEM}${CA_PEM}` })).toContain("valid");
  });

  it.each([
    [{}, /agent\.yaml:\d+:\d+ broker\.caFile cannot be read: .*ca\.pem/],
    [{ "ca.pem": "" }, /broker\.caFile .*ca\.pem: no certificate in it/],
    [{ "ca.pem": CA_PEM.slice(0, -40) }, /broker\.caFile .*ca\.pem: no certificate in it/],
    [
      { "ca.pem": CA_PEM + CA_PEM.replace("\nMII", "\nMIJ") },
      /broker\.caFile .*ca\.pem: certificate 2 of 2 is damaged/,
    ],
    [
      { "ca.pem": "x".repeat(4_200_000) },
      /broker\.caFile .*ca\.pem: 4200000 bytes, more than the 4194304 that are read/,
    ],
  ])("refuses root certificates that cannot be used, as run does: %#", async (files, problem) => {
    await expect(validate(files)).rejects.toThrow(problem);
  });

  it("refuses a trust root of updates that is missing or none, and certificates of the server likewise", async () => {
    const own = { "ca.pem": CA_PEM };
    await expect(validate({ ...own, "download-ca.pem": CA_PEM }, OTA)).rejects.toThrow(
      /agent\.yaml:\d+:\d+ ota\.rootFile .*root\.1\.json: ENOENT/,
    );
    await expect(validate({ ...own, "download-ca.pem": CA_PEM, "root.1.json": "{}" }, OTA)).rejects.toThrow(
      /ota\.rootFile/,
    );
    await expect(validate({ ...own, "root.1.json": "{}" }, OTA)).rejects.toThrow(
      /ota\.download\.caFile cannot be read/,
    );
  });
});
