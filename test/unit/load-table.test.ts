import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { CA_PEM } from "../fakes/ca.ts";
import { runCli } from "../fakes/cli-runner.ts";
import { temporaryFolder } from "../fakes/folder.ts";

const CASES = join(import.meta.dirname, "../fixtures/cases");

const BASE = `thingName: t-1
bench: true
stateDir: /tmp/causeway-case/state
runtimeDir: /tmp/causeway-case/run
buses: [{ name: can0, driver: replay, file: drive.log }]
broker: { host: 127.0.0.1, port: 8883, caFile: ca.pem }
identity: { mode: file, certificateFile: c.pem, keyFile: k.pem }
`;

/** A configuration with these entries of `dbc`, YAML. */
function configWith(dbc: string): string {
  const file = join(temporaryFolder(), "agent.yaml");
  writeFileSync(file, `${BASE}dbc: ${dbc}\n`);
  writeFileSync(join(dirname(file), "ca.pem"), CA_PEM);
  return file;
}

describe("DBC files of the configuration", () => {
  const damaged = join(CASES, "f28_hex_id.dbc");
  const mistake = `${damaged}:9:5 the message id 0x123 is hexadecimal; ids are decimal (291); the message and its signals are left out`;

  it("lose what is damaged in them, and the place is told", async () => {
    const { stderr, exitCode } = await runCli(["config", "validate", "--config", configWith(`[{file: ${damaged}}]`)]);
    expect(stderr).toContain(`warning: ${mistake}`);
    expect(exitCode).toBe(0);
  });

  it("are refused whole where the configuration is strict with them", async () => {
    const config = configWith(`[{file: ${damaged}, strict: true}]`);
    const refused = runCli(["config", "validate", "--config", config]);
    await expect(refused).rejects.toMatchObject({ code: "config.invalid" });
    await expect(refused).rejects.toThrow(`dbc file has mistakes:\n${mistake}`);
  });

  it("tell ten mistakes of a file, and how many there are besides", async () => {
    const file = join(temporaryFolder(), "bad.dbc");
    writeFileSync(file, "BO_ x\n".repeat(13));
    const { stderr } = await runCli(["config", "validate", "--config", configWith(`[{file: ${file}}]`)]);
    expect(stderr.split("\n").filter((line) => line.includes("bad.dbc:")).length).toBe(11);
    expect(stderr).toContain(`${file}: and 3 more; see them with: causeway dbc check ${file}`);
  });
});
