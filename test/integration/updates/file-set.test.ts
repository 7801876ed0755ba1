import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { type DaemonHome, daemonHome, type ProgramEnd, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { RELEASES, ReleaseSigner, type UpdatePart } from "../../fakes/updates/release.ts";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
`;
const RULES = 'dbc: [{file: dbc/car.dbc}]\ncollect: {rules: [{signals: "*", mode: every, ms: 0}]}\n';

let home: DaemonHome;
let releaseSigner: ReleaseSigner;

const files = (): string => join(home.folder, "state/files");
const ota = (...args: readonly string[]): Promise<ProgramEnd> => runProgram(["ota", ...args, "--config", home.config]);
const setOf = (rules = RULES, dbc = DBC): UpdatePart => ({
  kind: "files",
  name: "vehicle",
  entries: [
    { name: "agent.d/vehicle.yaml", content: rules },
    { name: "dbc/car.dbc", content: dbc },
  ],
});

const CAMPAIGN = `schemaVersion: 1
id: one
version: 1
collect:
  - { signals: Engine.Speed, mode: every, ms: 100 }
`;
const campaignsOf = (content: string): UpdatePart => ({
  kind: "files",
  name: "vehicle",
  entries: [{ name: "campaigns/one.yaml", content }],
});

/** How many signals each start of the agent knew. */
const signals = (daemon: SupervisedDaemon): readonly number[] =>
  [...daemon.log().matchAll(/"event":"agent.started".*?"signals":(\d+)/g)].map(([, count]) => Number(count));

async function start(
  healthCheck = { withinSeconds: 10, offlineSeconds: 1 },
  environment = {},
): Promise<SupervisedDaemon> {
  home = await daemonHome((config) => {
    const gate = { condition: { signals: { speed: "Engine.Speed" }, all: ["speed < 1e6"], maxAgeMs: 60_000 } };
    config.ota = {
      rootFile: releaseSigner.rootFile,
      hardware: "gateway-2",
      gate: { ...gate, holdSeconds: 0 },
      healthCheck,
    };
    // Fresh signals, for as long as the test runs.
    config.buses = [{ name: "can0", driver: "replay", file: "drive.log", loop: true }];
  });
  return await superviseDaemon(home, environment);
}

beforeEach(() => {
  releaseSigner = new ReleaseSigner(join(temporaryFolder(), "updates"));
});

describe("updates of DBC files, rules and settings", { timeout: 120_000 }, () => {
  it("takes the whole set into use, over restarts, and leaves the vehicle's own files alone", async () => {
    const daemon = await start();
    const own = readFileSync(home.config, "utf8");
    const update = releaseSigner.bundle([setOf()], { component: "vehicle" });
    expect(await ota("install", update.path)).toMatchObject({
      code: 0,
      stdout: "accepted\nvehicle 1.0.1 is installed, 0.1.0 before",
    });
    expect(signals(daemon)).toEqual([2, 1]);
    expect(readlinkSync(join(files(), "current"))).toBe(update.sha256);
    expect(existsSync(join(files(), "trial"))).toBe(false);
    expect(readFileSync(home.config, "utf8")).toBe(own);
    process.kill(daemon.pid(), "SIGKILL");
    await expect.poll(() => signals(daemon), { timeout: 30_000 }).toEqual([2, 1, 1]);

    // The next set takes its place whole, and the one before it goes.
    const next = releaseSigner.bundle([setOf("dbc: [{file: dbc/car.dbc}]\ncollect: {batchMs: 500}\n")], {
      component: "vehicle",
    });
    expect((await ota("install", next.path)).code).toBe(0);
    const { stdout: shown, stderr } = await runProgram(["config", "show", "--json", "--config", home.config]);
    expect([stderr, JSON.parse(shown)]).toMatchObject(["", { config: { collect: { batchMs: 500 } } }]);
    const { stdout: listed } = await runProgram(["dbc", "list", "--json", "--config", home.config]);
    expect(listed).toContain(join(files(), next.sha256, "dbc/car.dbc"));
    expect(readlinkSync(join(files(), "current"))).toBe(next.sha256);
    expect(readdirSync(files()).toSorted()).toEqual([next.sha256, "current"].toSorted());
  });

  it.each<[string, UpdatePart, RegExp]>([
    [
      "a DBC file with a mistake, where it is to be strict with it",
      setOf(RULES.replace("car.dbc", "car.dbc, strict: true"), DBC.replace("16@1+", "16@x+")),
      /car\.dbc:4:/,
    ],
    ["a rule with a mistake", setOf("collect: {rules: [{signals: '*', mode: often}]}\n"), /vehicle\.yaml:1:.*mode/],
    ["a signal that the gate needs and that is gone", setOf(RULES, DBC.replace("Speed", "Pace")), /Engine\.Speed/],
    ["a section that stays with the vehicle", setOf("ota: {rootFile: mine.json}\n"), /only the vehicle's own files/],
    ["a file that leads out", setOf("dbc: [{file: ../../../../etc/shadow-of-none}]\n"), /cannot be read/],
    [
      "a campaign that cannot run",
      campaignsOf(CAMPAIGN.replace("Engine.Speed, mode", "Engine.Speed, mood")),
      /one\.yaml:5:\d+ collect\[0\]/,
    ],
    [
      "nothing to set",
      { kind: "files", name: "v", entries: [{ name: "x.dbc", content: DBC }] },
      /nothing would change/,
    ],
  ])("refuses a set with %s before anything is changed", async (_name, part, reason) => {
    const daemon = await start();
    const update = releaseSigner.bundle([part], { component: "vehicle" });
    const { code, stdout } = await ota("install", update.path);
    expect(code).toBe(1);
    expect(stdout).toMatch(reason);
    expect(readdirSync(files())).toEqual([]);
    expect(daemon.ends).toEqual([]);
  });

  it("brings campaigns, which run beside the vehicle's own", async () => {
    const daemon = await start();
    const update = releaseSigner.bundle([campaignsOf(CAMPAIGN)], { component: "vehicle" });
    expect((await ota("install", update.path)).code).toBe(0);
    expect(daemon.log()).toContain('"event":"campaign.found","source":"set","campaigns":1');
    expect(signals(daemon)).toEqual([2, 2]);
  });

  it("goes back to the set before when the technician says so during the trial", async () => {
    const daemon = await start();
    const first = releaseSigner.bundle([setOf()], { component: "vehicle" });
    expect((await ota("install", first.path)).code).toBe(0);
    writeFileSync(home.config, readFileSync(home.config, "utf8").replace("offlineSeconds: 1", "offlineSeconds: 200"));
    writeFileSync(home.config, readFileSync(home.config, "utf8").replace("withinSeconds: 10", "withinSeconds: 280"));
    process.kill(daemon.pid(), "SIGKILL");
    await expect.poll(() => signals(daemon).length, { timeout: 30_000 }).toBe(3);
    // It says that it has started before its sockets answer.
    await expect.poll(async () => (await ota("show")).code, { timeout: 30_000 }).toBe(0);

    const second = releaseSigner.bundle([setOf("collect: {batchMs: 500}\n")], { component: "vehicle" });
    expect((await ota("install", second.path, "--no-wait")).code).toBe(0);
    await expect.poll(async () => (await ota("show")).stdout, { timeout: 60_000 }).toContain("update     health-check");
    expect(readlinkSync(join(files(), "current"))).toBe(second.sha256);
    expect((await ota("rollback")).code).toBe(0);
    await expect
      .poll(async () => (await ota("show")).stdout, { timeout: 60_000 })
      .toContain("not installed: cancelled");
    expect(readlinkSync(join(files(), "current"))).toBe(first.sha256);
  });

  it("goes back with all of an update when one part of it is not healthy", async () => {
    await start(undefined, { CAUSEWAY_TRIAL_LOOK_SECONDS: "1", CAUSEWAY_TRIAL_SECONDS: "4" });
    const update = releaseSigner.bundle([setOf(), releaseSigner.agentPart(RELEASES.crashes)]);
    const { code, stdout } = await ota("install", update.path);
    expect([code, stdout]).toEqual([1, expect.stringContaining("supervisor-rolled-back: 3 starts")]);
    expect(existsSync(join(files(), "current"))).toBe(false);
    expect(existsSync(join(home.folder, "state/releases/current"))).toBe(false);
  });

  it("starts without a set that has become unusable, says so, and has it again when it is mended", async () => {
    const daemon = await start();
    const update = releaseSigner.bundle([setOf()], { component: "vehicle" });
    expect((await ota("install", update.path)).code).toBe(0);
    const file = join(files(), update.sha256, "dbc/car.dbc");
    rmSync(file);
    process.kill(daemon.pid(), "SIGKILL");
    await expect.poll(() => signals(daemon), { timeout: 30_000 }).toEqual([2, 1, 2]);
    expect(daemon.log()).toContain('"event":"config.layer-refused"');
    writeFileSync(file, DBC);
    process.kill(daemon.pid(), "SIGKILL");
    await expect.poll(() => signals(daemon), { timeout: 30_000 }).toEqual([2, 1, 2, 1]);
  });
});
