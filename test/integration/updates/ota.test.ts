import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { type DaemonHome, daemonHome, type ProgramEnd, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { RELEASES, ReleaseSigner } from "../../fakes/updates/release.ts";

let home: DaemonHome;
let releaseSigner: ReleaseSigner;

const current = (): string => join(home.folder, "state/releases/current");
const ota = (...args: readonly string[]): Promise<ProgramEnd> => runProgram(["ota", ...args, "--config", home.config]);

async function start(gate: Readonly<Record<string, unknown>> = {}, environment = {}): Promise<SupervisedDaemon> {
  home = await daemonHome((config) => {
    config.ota = {
      rootFile: releaseSigner.rootFile,
      hardware: "gateway-2",
      gate: { condition: { signals: {}, all: ["true"] }, holdSeconds: 0, ...gate },
      healthCheck: { withinSeconds: 10, offlineSeconds: 1 },
    };
  });
  return await superviseDaemon(home, environment);
}

beforeEach(() => {
  releaseSigner = new ReleaseSigner(join(temporaryFolder(), "updates"));
});

describe("causeway ota, without the cloud", { timeout: 120_000 }, () => {
  it("installs a new version from a folder, proves it without coverage, and knows it the next time", async () => {
    const daemon = await start();
    const update = releaseSigner.make(RELEASES.works);
    expect(await ota("check", update.path)).toMatchObject({ code: 0, stdout: "accepted" });
    const installed = await ota("install", update.path);
    expect(installed.stdout).toBe("accepted\nagent 1.0.1 is installed, 0.1.0 before");
    expect(installed.code).toBe(0);
    expect(daemon.ends).toEqual([75]);
    expect(readlinkSync(current())).toBe(update.sha256);
    expect(existsSync(join(home.folder, "state/releases/trial"))).toBe(false);
    expect(existsSync(join(home.folder, "state/updates"))).toBe(false);

    const shown = await ota("show");
    expect(shown.stdout).toContain(`running    ${update.sha256}\nroot       1\ninstalled  agent, sequence number 1`);
    expect(await ota("install", update.path)).toMatchObject({ code: 2, stdout: "installed" });
    expect((await ota("rollback")).code).toBe(2);
    expect((await ota("commit")).code).toBe(2);
  });

  it.each(["crashes", "hangs"] as const)(
    "is back on the old version by itself after one that %s",
    async (behaviour) => {
      const daemon = await start({}, { CAUSEWAY_TRIAL_LOOK_SECONDS: "1", CAUSEWAY_TRIAL_SECONDS: "4" });
      const update = releaseSigner.make(RELEASES[behaviour]);
      const installed = await ota("install", update.path);
      expect(installed.code).toBe(1);
      expect(installed.stdout).toMatch(
        /agent 1\.0\.1 is not installed: supervisor-rolled-back: (3 starts|not healthy within 4 s)/,
      );
      expect(daemon.ends.length).toBeLessThanOrEqual(4);
      expect(existsSync(current())).toBe(false);
      expect(existsSync(join(home.folder, "state/releases", update.sha256))).toBe(false);
      expect((await ota("show")).stdout).toContain("running    packaged");
    },
  );

  it("refuses what is altered, older or unsigned, and says why", async () => {
    await start();
    const older = releaseSigner.make(RELEASES.works);
    const newer = releaseSigner.make(RELEASES.works);
    expect((await ota("install", newer.path)).code).toBe(0);

    const downgrade = await ota("install", older.path);
    expect(downgrade.code).toBe(1);
    expect(downgrade.stderr).toContain("sequence number 1 is below 2");

    const third = releaseSigner.make(RELEASES.works);
    const signed = readFileSync(third.path, "utf8");
    writeFileSync(third.path, signed.replace('"sequenceNumber":3', '"sequenceNumber":4'));
    expect((await ota("install", third.path)).stderr).toContain("a signature does not fit");
    writeFileSync(third.path, signed);
    writeFileSync(`${third.path}.sig`, '{"schemaVersion":1,"signatures":[],"type":"causeway.signatures"}');
    expect((await ota("check", third.path)).stderr).toContain("not signed");

    const fourth = releaseSigner.make(RELEASES.works);
    const artifact = join(releaseSigner.folder, fourth.name);
    const bytes = readFileSync(artifact);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(artifact, bytes);
    const tampered = await ota("install", fourth.path);
    expect(tampered.code).toBe(1);
    expect(tampered.stdout).toContain("is not installed: tampered");
    expect(readlinkSync(current())).toBe(newer.sha256);
  });

  it("waits while the gate is closed, takes one update at a time, and gives up on request", async () => {
    await start({ condition: { signals: { speed: "Engine.Speed" }, all: ["speed < 0.5"] } });
    const update = releaseSigner.make(RELEASES.works);
    expect((await ota("install", update.path, "--no-wait")).stdout).toBe("accepted");
    await expect
      .poll(async () => (await ota("show")).stdout, { timeout: 30_000 })
      .toContain("update     wait: agent 1.0.1 waits for the vehicle's state: Engine.Speed is");
    expect((await ota("install", update.path)).code).toBe(75);
    expect(await ota("rollback")).toMatchObject({ code: 0, stdout: "cancelled" });
    await expect
      .poll(async () => (await ota("show")).stdout, { timeout: 30_000 })
      .toContain("not installed: cancelled");
    expect(existsSync(current())).toBe(false);
  });

  it("waits for consent, which holds for that update alone", async () => {
    await start({ consent: true });
    expect((await ota("consent")).code).toBe(2);
    const update = releaseSigner.make(RELEASES.works);
    expect((await ota("install", update.path, "--no-wait")).stdout).toBe("accepted");
    const shown = async (): Promise<string> => (await ota("show")).stdout;
    await expect.poll(shown, { timeout: 30_000 }).toContain("waits for consent: causeway ota consent");
    expect(await ota("consent")).toMatchObject({ code: 0, stdout: "agreed" });
    await expect.poll(shown, { timeout: 60_000 }).toContain("agent 1.0.1 is installed");
    expect((await ota("install", releaseSigner.make(RELEASES.works).path, "--no-wait")).stdout).toBe("accepted");
    await expect.poll(shown, { timeout: 30_000 }).toContain("waits for consent");
  });
});
