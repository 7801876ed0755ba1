import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { daemonHome } from "../../../fakes/daemon/daemon.ts";

const DBC = `BO_ 256 Motion: 2 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "km/h" X
 SG_ Brake : 8|8@1+ (1,0) [0|0] "bar" X
`;
const BRAKING = `schemaVersion: 1
id: braking
version: 3
inputs: {brake: Motion.Brake}
trigger: {condition: "max(brake, duration('2s')) > 80.0", beforeMs: 2000, afterMs: 1000}
collect:
  - {signals: Motion.Speed, mode: every, ms: 0}
budget: {bytesPerDay: 1000}
`;

function file(text: string, name: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

async function validate(documents: readonly string[], args: readonly string[] = []): Promise<CliRun> {
  const files = documents.map((text, at) => file(text, `${at}.yaml`));
  return runCli(["campaign", "validate", "--dbc", file(DBC, "vehicle.dbc"), ...args, ...files]);
}

describe("causeway campaign validate", () => {
  it("says what a document costs, beside what there is", async () => {
    const { stdout, stderr, exitCode } = await validate([BRAKING]);
    const [head, ...costs] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/0\.yaml: braking v3 is valid$/);
    // 10 frames a second where the DBC file has no cycle time, 32 bytes each; 8,192 samples of 80 bytes in a window.
    expect(costs.map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["history", "2 s, about 640 B", "of 16.8 MB"],
      ["windows", "at most 655 kB", "of 67.1 MB"],
      ["evaluations", "about 10 a second", "of 200 000"],
      ["sends", "1.0 kB a day, its budget", "of 1.0 GB"],
    ]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("gives the same for programs", async () => {
    const { stdout } = await validate([BRAKING], ["--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      kind: "fit",
      id: "braking",
      version: 3,
      cost: { historyBytes: 640, historySeconds: 2, evaluationsPerSecond: 10, bytesPerDay: 1000 },
    });
  });

  it("tells each problem with its place, of every document, and ends with 65", async () => {
    const unknown = BRAKING.replace("Motion.Brake", "Motion.Break").replace("id: braking", "id: other");
    const unread = BRAKING.replace("version: 3", "versoin: 3");
    const { stdout, stderr, exitCode } = await validate([unknown, unread, BRAKING]);
    expect(stderr).toMatch(/0\.yaml:4:\d+ inputs\.brake: there is no signal Motion\.Break\n/);
    expect(stderr).toMatch(/1\.yaml:3:1 versoin: unknown key; did you mean version\?\n/);
    expect(stdout).toMatch(/^.*2\.yaml: braking v3 is valid\n/);
    expect(exitCode).toBe(65);
    const { stdout: json } = await validate([unknown], ["--json"]);
    expect(JSON.parse(json)).toMatchObject({ kind: "unfit", problems: [expect.stringContaining(":4:")] });
  });

  it("points into an expression at what is wrong with it", async () => {
    const line = `trigger: {condition: "max(brake, duration('2s')) > 80.0"`;
    const wrong = BRAKING.replace("> 80.0", "> braek");
    const { stderr } = await validate([wrong]);
    const column = line.indexOf("80.0") + 1;
    expect(stderr).toContain(`0.yaml:5:${column} trigger.condition: `);
  });

  it("refuses what costs too much, and two documents of one id", async () => {
    const long = BRAKING.replace("beforeMs: 2000", "beforeMs: 3600000").replaceAll("Motion.Speed", '"*"');
    const black = `${long}frames: [{bus: can0, ids: [${Array.from({ length: 512 }, (_, at) => `{id: ${at}}`).join(", ")}]}]\n`;
    const { stderr, exitCode } = await validate([black]);
    expect(stderr).toMatch(
      /0\.yaml:2:1 trigger\.beforeMs: 3,?600 s before a trigger .* \(campaigns\.history\.maxBytes\)\n/,
    );
    expect(exitCode).toBe(65);
    const twins = await validate([BRAKING, BRAKING]);
    expect(twins.stderr).toMatch(/1\.yaml:2:1 id: braking is that of .*0\.yaml too\n/);
  });

  it("says that a document is for other vehicles", async () => {
    const { stdout, exitCode } = await validate([`${BRAKING}for: {buses: [can7]}\n`], ["--bus", "can0"]);
    expect(stdout).toMatch(
      /is valid, but not for this vehicle: for\.buses: for vehicles with can7; this one has can0\n$/,
    );
    expect(exitCode).toBe(0);
  });

  it("holds a document against the vehicle of the configuration", async () => {
    const { config } = await daemonHome();
    const document = BRAKING.replace("Motion.Brake", "Engine.Counter").replace("Motion.Speed", "Engine.Speed");
    const { stdout, exitCode } = await runCli(["--config", config, "campaign", "validate", file(document, "own.yaml")]);
    expect(stdout).toMatch(/own\.yaml: braking v3 is valid\n/);
    expect(exitCode).toBe(0);
    const { exitCode: bad } = await runCli(["--config", config, "campaign", "validate", file(BRAKING, "own.yaml")]);
    expect(bad).toBe(65);
    await expect(
      runCli(["--config", "/nowhere/agent.yaml", "campaign", "validate", file(BRAKING, "own.yaml")]),
    ).rejects.toMatchObject({ code: "config.missing" });
  });
});
