import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { EXIT } from "../../../../agent/core/errors.ts";
import { CHOICES } from "../../../../config/example-values.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";

function configured(frameLog: object | undefined): { readonly config: string; readonly folder: string } {
  const home = temporaryFolder();
  const config = join(home, "agent.yaml");
  writeFileSync(config, stringify({ ...CHOICES, dbc: [], frameLog }));
  return { config, folder: join(home, "frames") };
}

async function logs(config: string, ...args: readonly string[]): Promise<CliRun> {
  return runCli(["--config", config, "can", "logs", ...args]);
}

function fill(folder: string): void {
  mkdirSync(folder);
  for (const name of [
    "00002-0001.blf",
    "00001-0002-20241227T033456Z.log",
    "00001-0001-20241227T033400Z.log",
    "notes.txt",
  ]) {
    writeFileSync(join(folder, name), "1234");
    utimesSync(join(folder, name), 1_735_270_500, 1_735_270_500);
  }
}

describe("causeway can logs", () => {
  it("lists the files of the continuous log, oldest first", async () => {
    const { config, folder } = configured({ folder: "frames" });
    fill(folder);
    const { stdout, stderr, exitCode } = await logs(config);
    expect(stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["session", "split", "from", "to", "size", "file"],
      [
        "1",
        "1",
        "2024-12-27T03:34:00Z",
        "2024-12-27T03:35:00Z",
        "4 B",
        join(folder, "00001-0001-20241227T033400Z.log"),
      ],
      [
        "1",
        "2",
        "2024-12-27T03:34:56Z",
        "2024-12-27T03:35:00Z",
        "4 B",
        join(folder, "00001-0002-20241227T033456Z.log"),
      ],
      ["2", "1", "-", "2024-12-27T03:35:00Z", "4 B", join(folder, "00002-0001.blf")],
      [""],
    ]);
    expect({ stderr, exitCode }).toEqual({ stderr: "3 files, 12 B of 1.0 GB\n", exitCode: 0 });
  });

  it("takes one session alone, as JSON", async () => {
    const { config, folder } = configured({ folder: "frames" });
    fill(folder);
    const { stdout } = await logs(config, "--json", "--session", "2");
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      file: join(folder, "00002-0001.blf"),
      session: 2,
      split: 1,
      bytes: 4,
      changedAt: "2024-12-27T03:35:00Z",
    });
  });

  it("lists those alone that have frames which come through the filters", async () => {
    const { config, folder } = configured({ folder: "frames" });
    fill(folder);
    const file = join(folder, "00001-0002-20241227T033456Z.log");
    writeFileSync(
      file,
      "(1735270496.916858) can0 110#0011\n(1735270497.000000) can0 111#\n(1735270498.000000) can0 110#\n",
    );
    const { stdout, stderr } = await logs(config, "--json", "--filter", "110:7FF");
    expect(JSON.parse(stdout)).toMatchObject({ file, session: 1, split: 2, frames: 2 });
    expect(stderr).toContain("00001-0001-20241227T033400Z.log: 1 places cannot be read\n");
  });

  it("says so of a folder that is not there yet, and of a configuration without the section", async () => {
    expect(await logs(configured({ folder: "frames" }).config)).toMatchObject({
      stdout: "",
      stderr: "0 files, 0 B of 1.0 GB\n",
    });
    expect(await logs(configured(undefined).config)).toMatchObject({ exitCode: EXIT.nothingToDo });
  });
});
