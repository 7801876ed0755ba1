import { statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const CASES = join(import.meta.dirname, "../../../fixtures/cases");

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

/** A DBC file of so many messages with one signal each. */
function dbcOf(firstId: number, messages: number): string {
  const lines = Array.from(
    { length: messages },
    (_, n) => `BO_ ${firstId + n} M${n}: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X`,
  );
  return `VERSION ""\nBU_: X\n${lines.join("\n")}\n`;
}

describe("the signals of collect.snapshot", () => {
  const withSnapshot = (signals: string): string => {
    const file = join(temporaryFolder(), "car.dbc");
    writeFileSync(file, `${dbcOf(0, 1)}BO_ 9 M0: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n`);
    return configWith(`[{file: ${file}}]\ncollect: { snapshot: { on: [sleep], signals: ${signals} } }`);
  };

  it("are told where they match nothing", async () => {
    const { stderr, exitCode } = await runCli(["config", "validate", "--config", withSnapshot("M7.S")]);
    expect(stderr).toContain(`collect.snapshot: "M7.S" matches no signal`);
    expect(exitCode).toBe(0);
  });

  it("are refused where a name is several, with the place", async () => {
    const refused = runCli(["config", "validate", "--config", withSnapshot("M0.S")]);
    await expect(refused).rejects.toThrow(/agent\.yaml:9:\d+ M0\.S is several signals of a bus, write which/);
  });
});

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

  it("are refused unread beyond decode.maxDbcBytes, together and alone, with file, size and bound", async () => {
    const folder = temporaryFolder();
    const [first, second] = ["first.dbc", "second.dbc"].map((name) => join(folder, name));
    writeFileSync(first, dbcOf(0, 40));
    writeFileSync(second, dbcOf(100, 40));
    const size = statSync(first).size;
    const both = (maxDbcBytes: number): string =>
      configWith(`[{file: ${first}}, {file: ${second}}]\ndecode: { maxDbcBytes: ${maxDbcBytes} }`);
    const check = (file: string): Promise<unknown> => runCli(["config", "validate", "--config", file]);
    await expect(check(both(10_000))).resolves.toMatchObject({ exitCode: 0 });
    await expect(check(both(size + 10))).rejects.toThrow(
      `${second}: ${statSync(second).size} bytes, with ${size} bytes of the DBC files before it, more than decode.maxDbcBytes (${size + 10})`,
    );
    truncateSync(first, 4_000_000_000);
    await expect(check(both(67_108_864))).rejects.toThrow(
      /agent\.yaml:8:\d+ .*first\.dbc: 4000000000 bytes, more than decode\.maxDbcBytes \(67108864\)/,
    );
  });

  it("are refused with more signals than decode.maxSignals, counted for each bus", async () => {
    const file = join(temporaryFolder(), "car.dbc");
    writeFileSync(file, dbcOf(0, 10));
    const check = (maxSignals: number): Promise<unknown> =>
      runCli([
        "config",
        "validate",
        "--config",
        configWith(`[{file: ${file}}]\ndecode: { maxSignals: ${maxSignals} }`),
      ]);
    await expect(check(10)).resolves.toMatchObject({ exitCode: 0 });
    await expect(check(9)).rejects.toThrow("10 signals on all buses, more than decode.maxSignals (9)");
  });

  it.each([0, 4096])("are refused when a power cut left %i bytes without text", async (bytes) => {
    const file = join(temporaryFolder(), "car.dbc");
    writeFileSync(file, Buffer.alloc(bytes));
    const refused = runCli(["config", "validate", "--config", configWith(`[{file: ${file}}]`)]);
    await expect(refused).rejects.toThrow(`${file}: holds no text (${bytes} bytes)`);
  });

  it("tell ten mistakes of a file, and how many there are besides", async () => {
    const file = join(temporaryFolder(), "bad.dbc");
    writeFileSync(file, "BO_ x\n".repeat(13));
    const { stderr } = await runCli(["config", "validate", "--config", configWith(`[{file: ${file}}]`)]);
    expect(stderr.split("\n").filter((line) => line.includes("bad.dbc:")).length).toBe(11);
    expect(stderr).toContain(`${file}: and 3 more; see them with: causeway dbc check ${file}`);
  });
});
