import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../bench/core/wait.ts";
import { type DaemonHome, daemonHome, type ProgramEnd, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const OVERSPEED = `schemaVersion: 1
id: overspeed
version: 2
inputs: {speed: Engine.Speed}
derived:
  - {name: metres, unit: m/s, expression: speed / 3.6}
trigger: {condition: "speed > 1000000.0", beforeMs: 1000, afterMs: 100}
collect:
  - {signals: "Engine.*", mode: every, ms: 100}
`;
const listed = z.looseObject({
  campaigns: z.array(z.looseObject({ id: z.string(), state: z.string(), triggers: z.number() })),
  refused: z.array(z.looseObject({ id: z.string(), reason: z.string() })),
});

/** A vehicle whose log comes again and again. */
async function home(): Promise<DaemonHome> {
  return daemonHome((config) => {
    config.buses = [{ name: "can0", driver: "replay", file: "drive.log", loop: true }];
  });
}

function verbsOf({ config }: DaemonHome): (...args: string[]) => Promise<ProgramEnd> {
  return (...args) => runProgram(["campaign", ...args, "--config", config]);
}

describe("causeway campaign, with a running daemon", () => {
  it("adds, shows, fires and removes a campaign, and keeps it over a restart", async () => {
    const vehicle = await home();
    const file = join(vehicle.folder, "overspeed.yaml");
    writeFileSync(file, OVERSPEED);
    const campaign = verbsOf(vehicle);
    expect(await campaign("list")).toMatchObject({ code: 3 });
    const daemon = await startDaemon(vehicle);
    expect(await campaign("list")).toMatchObject({ code: 2, stderr: "there is no campaign\n" });
    expect(await campaign("add", file)).toMatchObject({ code: 0, stdout: "overspeed v2 is set" });
    expect(await campaign("trigger", "overspeed")).toMatchObject({ code: 0, stdout: "overspeed has fired" });
    const { stdout } = await campaign("list");
    expect(stdout).toMatch(/^campaign +version +source +state +triggers +today\noverspeed +2 +local +running +1 /);
    const shown = await campaign("show", "overspeed");
    expect(shown.stdout).toMatch(/^# overspeed v2, digest [0-9a-f]{16}, of: local\n/);
    expect(shown.stdout).toMatch(/\n# trigger 1 at .*: by hand\n/);
    expect(shown.stdout).toMatch(/\n# metres = [\d.]+ m\/s at /);
    // What it prints is a document again, and the same.
    writeFileSync(file, shown.stdout);
    expect(await campaign("add", file)).toMatchObject({ code: 0 });
    const status = await daemon.status();
    expect(status.campaigns).toMatchObject({ running: 1, refused: 0 });
    expect((await runProgram(["status", "--config", vehicle.config])).stdout).toMatch(/\ncampaigns +1 running/);

    await daemon.child.stop();
    await startDaemon(vehicle);
    expect(listed.parse(JSON.parse((await campaign("list", "--json")).stdout)).campaigns).toMatchObject([
      { id: "overspeed", state: "running", triggers: 1 },
    ]);
    expect(await campaign("remove", "overspeed")).toMatchObject({ code: 0, stdout: "overspeed is taken away" });
    expect(await campaign("remove", "overspeed")).toMatchObject({
      code: 1,
      stderr: "overspeed: there is no campaign overspeed\n",
    });
  }, 60_000);

  it("reads the vehicle's files again, and says why one does not run", async () => {
    const vehicle = await home();
    const folder = join(vehicle.folder, "campaigns");
    mkdirSync(folder);
    const daemon = await startDaemon(vehicle);
    const campaign = verbsOf(vehicle);
    writeFileSync(join(folder, "good.yaml"), OVERSPEED);
    writeFileSync(
      join(folder, "bad.yaml"),
      OVERSPEED.replace("overspeed", "other").replace("Engine.Speed", "Engine.Sped"),
    );
    const reloaded = await campaign("reload");
    expect(reloaded).toMatchObject({ code: 65, stdout: "1 campaign in the vehicle's own files" });
    expect(reloaded.stderr).toContain("bad.yaml:4:10 inputs.speed: there is no signal Engine.Sped");
    const { campaigns, refused } = listed.parse(JSON.parse((await campaign("list", "--json")).stdout));
    expect(campaigns).toMatchObject([{ id: "overspeed", source: "files" }]);
    expect(refused).toMatchObject([{ id: "other", state: "refused" }]);
    expect((await campaign("show", "other")).stdout).toMatch(/^# other v2 does not run:\n# {3}.*bad\.yaml:4:10/);
    const { configuration } = await daemon.status();
    expect(configuration.problems).toHaveLength(1);
    rmSync(join(folder, "bad.yaml"));
    expect(await campaign("reload")).toMatchObject({ code: 0 });
    await until(async () => ((await daemon.status()).configuration.problems.length === 0 ? true : undefined), {
      what: "the status has no problem",
      timeoutMs: 20_000,
    });
  }, 60_000);
});
